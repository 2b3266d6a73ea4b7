"""What was changed about a client and its credentials."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from dashboard.audit import events, sentences
from dashboard.frame import zone_of
from dashboard.models import Membership
from dashboard.permissions import Permission, member
from dashboard.views.found import find_client


@member(Permission.VIEW)
def client_audit(request: HttpRequest, membership: Membership, client_id: str) -> HttpResponse:
    found = find_client(membership, client_id)
    page = events.paginate(events.of_client(found), after=request.GET.get("after", ""), before=request.GET.get("before", ""))
    rows = sentences.describe(page.events, membership.workspace)
    days = sentences.group(rows, now=timezone.now(), zone=zone_of(request))
    return render(request, "client/audit.html", {"client": found, "tab": "audit", "page": page, "days": days})
