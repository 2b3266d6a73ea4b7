"""Ready-to-run requests of one client, without its secret."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.models import Membership
from dashboard.permissions import Permission, member
from dashboard.views.found import find_client


@member(Permission.VIEW)
def client_examples(request: HttpRequest, membership: Membership, client_id: str) -> HttpResponse:
    return render(request, "docs/index.html", {"client": find_client(membership, client_id)})
