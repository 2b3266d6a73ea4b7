"""What should be tidied up among the clients of a workspace, and doing so."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.models import Membership
from dashboard.permissions import Permission, member


@member(Permission.VIEW)
def hygiene(request: HttpRequest, membership: Membership) -> HttpResponse:  # noqa: ARG001  # a view of a workspace
    return render(request, "hygiene/list.html")


@member(Permission.VIEW, post=Permission.WRITE_CLIENTS)
def hygiene_fix(request: HttpRequest, membership: Membership, page: str) -> HttpResponse:
    raise Http404(page, membership, request)
