"""The start page of a signed-in user."""

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from dashboard.models import Membership, User
from dashboard.people.permissions import LAST_WORKSPACE, signed_in


@signed_in
def home(request: HttpRequest) -> HttpResponse:
    """The last visited workspace, or the only one; otherwise the list of workspaces."""
    own = Membership.objects.filter(user=cast(User, request.user)).select_related("workspace")
    last = own.filter(workspace__slug=request.session.get(LAST_WORKSPACE, "")).first()
    if last is not None:
        return redirect("workspace", last.workspace.slug)
    memberships = own[:2]
    if len(memberships) == 1:
        return redirect("workspace", memberships[0].workspace.slug)
    return redirect("workspaces")
