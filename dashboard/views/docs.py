"""API and docs, with the values of the workspace and of a client that the reader chooses."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.models import Membership
from dashboard.permissions import Permission, member


@member(Permission.VIEW)
def docs(request: HttpRequest, membership: Membership) -> HttpResponse:
    return render(request, "docs/index.html", {"workspace": membership.workspace})


@member(Permission.VIEW)
def docs_page(request: HttpRequest, membership: Membership, page: str) -> HttpResponse:  # noqa: ARG001
    return render(request, "docs/index.html", {"workspace": membership.workspace})
