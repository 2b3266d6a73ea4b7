"""Fragments of a page, which the script fetches separately: with the header HX-Request, the same address returns only a fragment."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

HEADER = "HX-Request"


def is_fragment(request: HttpRequest) -> bool:
    return HEADER in request.headers


def render_page_or_fragment(request: HttpRequest, page: str, fragment: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """page, fragment: templates. The page includes the fragment in the place where the script puts it."""
    response = render(request, fragment if is_fragment(request) else page, context, status=status)
    patch_vary_headers(response, [HEADER])
    response["Cache-Control"] = "no-store"
    return response
