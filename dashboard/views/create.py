"""Making a client."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.models import Membership
from dashboard.permissions import Permission, member


@member(Permission.WRITE_CLIENTS)
def client_new(request: HttpRequest, membership: Membership) -> HttpResponse:
    return render(request, "create/new.html", {"workspace": membership.workspace})


@member(Permission.WRITE_CLIENTS)
def client_preview(request: HttpRequest, membership: Membership) -> HttpResponse:
    return render(request, "create/new.html", {"workspace": membership.workspace})
