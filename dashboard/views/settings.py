"""The settings of a workspace."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.models import Membership
from dashboard.permissions import Permission, member


@member(Permission.VIEW)
def settings(request: HttpRequest, membership: Membership) -> HttpResponse:
    return render(request, "settings/general.html", {"workspace": membership.workspace})
