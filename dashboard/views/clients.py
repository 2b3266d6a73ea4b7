"""The list of clients."""

from django.http import HttpRequest, HttpResponse

from clients.models import Client
from dashboard.fragments import render_page_or_fragment
from dashboard.models import Membership
from dashboard.permissions import Permission, member


@member(Permission.VIEW)
def clients(request: HttpRequest, membership: Membership) -> HttpResponse:
    found = Client.objects.filter(workspace=membership.workspace).order_by("name")[:25]
    return render_page_or_fragment(request, "clients/list.html", "clients/table.html", {"clients": found})
