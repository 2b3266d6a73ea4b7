"""Further secrets of a client, and when they end."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.models import Membership
from dashboard.permissions import Permission, member
from dashboard.views.found import find_client


@member(Permission.WRITE_CLIENTS)
def secret_new(request: HttpRequest, membership: Membership, client_id: str) -> HttpResponse:
    return render(request, "credentials/page.html", {"client": find_client(membership, client_id)})


@member(Permission.WRITE_CLIENTS)
def secret_extend(request: HttpRequest, membership: Membership, client_id: str, secret_id: str) -> HttpResponse:  # noqa: ARG001  # filled in next
    return render(request, "credentials/page.html", {"client": find_client(membership, client_id)})


@member(Permission.WRITE_CLIENTS)
def secret_end(request: HttpRequest, membership: Membership, client_id: str, secret_id: str) -> HttpResponse:  # noqa: ARG001  # filled in next
    return render(request, "credentials/page.html", {"client": find_client(membership, client_id)})
