"""Ending a credential for ever."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.models import Membership
from dashboard.permissions import Permission, member
from dashboard.views.found import find_client


@member(Permission.WRITE_CLIENTS)
def secret_revoke(request: HttpRequest, membership: Membership, client_id: str, secret_id: str) -> HttpResponse:  # noqa: ARG001  # filled in next
    return render(request, "credentials/page.html", {"client": find_client(membership, client_id)})


@member(Permission.WRITE_CLIENTS)
def key_revoke(request: HttpRequest, membership: Membership, client_id: str, kid: str) -> HttpResponse:  # noqa: ARG001  # filled in next
    return render(request, "credentials/page.html", {"client": find_client(membership, client_id)})


@member(Permission.WRITE_CLIENTS)
def certificate_revoke(request: HttpRequest, membership: Membership, client_id: str, thumbprint: str) -> HttpResponse:  # noqa: ARG001  # filled in next
    return render(request, "credentials/page.html", {"client": find_client(membership, client_id)})
