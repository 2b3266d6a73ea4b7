"""What was changed about a client and its credentials."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.models import Membership
from dashboard.permissions import Permission, member
from dashboard.views.found import find_client


@member(Permission.VIEW)
def client_audit(request: HttpRequest, membership: Membership, client_id: str) -> HttpResponse:
    found = find_client(membership, client_id)
    return render(request, "client/audit.html", {"client": found, "tab": "audit"})
