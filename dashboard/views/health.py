"""Whether it is us: what this instance needs in order to issue tokens, measured at this moment."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.models import Membership
from dashboard.permissions import Permission, member


@member(Permission.VIEW)
def health(request: HttpRequest, membership: Membership) -> HttpResponse:
    return render(request, "health/health.html", {"workspace": membership.workspace})
