"""Changing a client."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.models import Membership
from dashboard.permissions import Permission, member
from dashboard.views.found import find_client


@member(Permission.VIEW, post=Permission.WRITE_CLIENTS)
def client_settings(request: HttpRequest, membership: Membership, client_id: str) -> HttpResponse:
    return render(request, "clients/settings.html", {"client": find_client(membership, client_id), "tab": "settings"})
