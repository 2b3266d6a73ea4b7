"""Public keys of a client."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.models import Membership
from dashboard.permissions import Permission, member
from dashboard.views.found import find_client


@member(Permission.WRITE_CLIENTS)
def key_new(request: HttpRequest, membership: Membership, client_id: str) -> HttpResponse:
    return render(request, "credentials/page.html", {"client": find_client(membership, client_id)})
