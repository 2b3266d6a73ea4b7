"""Why a request failed, by its ID; and testing what a program sends."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from dashboard.models import Membership
from dashboard.permissions import Permission, member


@member(Permission.VIEW)
def explain(request: HttpRequest, membership: Membership) -> HttpResponse:
    return render(request, "explain/explain.html", {"workspace": membership.workspace})


@member(Permission.VIEW)
def credential_test(request: HttpRequest, membership: Membership) -> HttpResponse:
    if request.method != "POST":
        return redirect("explain", membership.workspace.slug)
    return render(request, "explain/explain.html", {"workspace": membership.workspace})
