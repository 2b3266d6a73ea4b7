"""The audit events of a client and its credentials."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from dashboard.audit import events, sentences
from dashboard.client.overview import ask_standing
from dashboard.frame.context import zone_of
from dashboard.frame.found import find_client
from dashboard.models import Membership
from dashboard.people.permissions import Permission, member


@member(Permission.VIEW)
def client_audit(request: HttpRequest, membership: Membership, client_id: str) -> HttpResponse:
    found, now = find_client(membership, client_id), timezone.now()
    page = events.paginate(events.of_client(found), after=request.GET.get("after", ""), before=request.GET.get("before", ""))
    rows = sentences.describe(page.events, membership.workspace)
    days = sentences.group(rows, now=now, zone=zone_of(request))
    context = {"client": found, "standing": ask_standing(found, now=now), "tab": "audit", "page": page, "days": days}
    return render(request, "client/audit.html", context)
