"""First run: the next step, until a workspace has a client of its own."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.models import Membership
from dashboard.permissions import Permission, member


@member(Permission.VIEW)
def start(request: HttpRequest, membership: Membership) -> HttpResponse:
    return render(request, "create/start.html", {"workspace": membership.workspace})
