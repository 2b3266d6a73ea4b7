"""The start page: where somebody who is signed in goes on."""

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from dashboard.models import Membership, User
from dashboard.permissions import signed_in


@signed_in
def home(request: HttpRequest) -> HttpResponse:
    """The workspace, where there is one only; the choice of workspaces otherwise."""
    memberships = Membership.objects.filter(user=cast(User, request.user)).select_related("workspace")[:2]
    if len(memberships) == 1:
        return redirect("workspace", memberships[0].workspace.slug)
    return redirect("workspaces")
