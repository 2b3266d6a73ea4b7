"""From “I found this” to “it is dead”: what somebody pasted is looked up, and ended."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from dashboard.confirmation import confirmed_when_sent
from dashboard.models import Membership
from dashboard.permissions import Permission, member


@member(Permission.VIEW)
def leak(request: HttpRequest, membership: Membership) -> HttpResponse:  # noqa: ARG001  # a view of a workspace
    return render(request, "leak/leak.html")


@member(Permission.VIEW, post=Permission.WRITE_CLIENTS)
@confirmed_when_sent
def leak_stop(request: HttpRequest, membership: Membership) -> HttpResponse:  # noqa: ARG001  # a view of a workspace
    return redirect("leak", membership.workspace.slug)
