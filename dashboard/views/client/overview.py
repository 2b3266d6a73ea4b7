"""A client's page: is it healthy, who uses it, what comes next."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.models import Membership
from dashboard.permissions import Permission, member
from dashboard.views.found import find_client


@member(Permission.VIEW)
def client(request: HttpRequest, membership: Membership, client_id: str) -> HttpResponse:
    found = find_client(membership, client_id)
    return render(request, "client/overview.html", {"client": found, "tab": "overview"})


@member(Permission.VIEW)
def client_latest(request: HttpRequest, membership: Membership, client_id: str) -> HttpResponse:
    """The latest requests, renewed by the script."""
    found = find_client(membership, client_id)
    return render(request, "client/overview.html", {"client": found, "tab": "overview"})
