"""What was changed about a client and its credentials."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from dashboard import audit_events, audit_sentences
from dashboard.frame import zone_of
from dashboard.models import Membership
from dashboard.permissions import Permission, member
from dashboard.views.found import find_client


@member(Permission.VIEW)
def client_audit(request: HttpRequest, membership: Membership, client_id: str) -> HttpResponse:
    found = find_client(membership, client_id)
    page = audit_events.paginate(audit_events.of_client(found), after=request.GET.get("after", ""), before=request.GET.get("before", ""))
    rows = audit_sentences.describe(page.events, membership.workspace)
    days = audit_sentences.group(rows, now=timezone.now(), zone=zone_of(request))
    return render(request, "client/audit.html", {"client": found, "tab": "audit", "page": page, "days": days})
