"""The signed-in user's workspaces, and making a new one."""

from typing import cast

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from dashboard.frame.confirmation import confirmed_when_sent
from dashboard.models import Membership, User
from dashboard.people import quotas
from dashboard.people.caller import actor_of
from dashboard.people.permissions import Permission, instance_admin, member, signed_in
from dashboard.people.workspaces import create_workspace
from dashboard.workspaces.first_run import is_first_run
from dashboard.workspaces.forms import WorkspaceForm

PAGE = 50


@signed_in
def workspaces(request: HttpRequest) -> HttpResponse:
    own = Membership.objects.filter(user=cast(User, request.user)).select_related("workspace").order_by("workspace__name", "workspace__slug")
    return render(request, "workspaces/list.html", {"page": Paginator(own, PAGE).get_page(request.GET.get("page"))})


@instance_admin
@confirmed_when_sent
def workspace_new(request: HttpRequest) -> HttpResponse:
    """The user becomes its owner. They must prove who they are, because a workspace can't be removed at once."""
    user, now, refusal = cast(User, request.user), timezone.now(), None
    form = WorkspaceForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and (refusal := quotas.refuse_edit(user, takes_proof=True, now=now)):
        form.add_error(None, refusal.text)
    elif form.is_valid():
        try:
            made, _ = create_workspace(slug=form.cleaned_data["slug"], name=form.cleaned_data["name"], owner=user.email, actor=actor_of(request), now=now)
        except ValidationError as error:
            form.add_error("slug", error.messages[0])
        else:
            messages.success(request, f"{made.name} created. Invite your colleagues.")
            return redirect("members", made.slug)
    response = render(request, "workspaces/new.html", {"form": form})
    return refusal.apply_to(response) if refusal else response


@member(Permission.VIEW)
def workspace(request: HttpRequest, membership: Membership) -> HttpResponse:  # noqa: ARG001  # the shape of every view of a workspace
    return redirect("start" if is_first_run(membership) else "clients", membership.workspace.slug)
