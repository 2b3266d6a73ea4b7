"""Deleting a workspace, and keeping it after all."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from clients.models import Client
from clients.services.deletion import delete_workspace, keep_workspace
from dashboard.frame.confirmation import confirmed_when_sent
from dashboard.models import Membership
from dashboard.people.caller import actor_of
from dashboard.people.permissions import Permission, Role, may, member
from dashboard.workspaces.settings.forms import DeletionForm


@member(Permission.VIEW, post=Permission.DELETE_WORKSPACE)
@confirmed_when_sent
def workspace_delete(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Lists what will stop, and takes the typed slug."""
    workspace = membership.workspace
    form = DeletionForm(request.POST if request.method == "POST" else None, slug=workspace.slug)
    if request.method == "POST" and form.is_valid():
        try:
            deleted = delete_workspace(workspace=workspace, typed_slug=form.cleaned_data["slug"], actor=actor_of(request), now=timezone.now())
        except ValidationError as error:
            form.add_error("slug", error)
        else:
            messages.success(request, f"{workspace.name} stopped. It will be deleted on {deleted.deletes_at:%-d %b %Y %H:%M} UTC, unless an owner keeps it.")
            return redirect("workspace_delete", workspace.slug)
    clients = Client.objects.filter(workspace=workspace)
    context = {
        "workspace": workspace,
        "form": form if may(membership, Permission.DELETE_WORKSPACE) else None,
        "client_count": clients.filter(status=Client.Status.ENABLED).count(),
        "member_count": Membership.objects.filter(workspace=workspace).count(),
        "has_other_owners": _other_owners(membership).exists(),
        "now": timezone.now(),
    }
    return render(request, "workspaces/settings/delete.html", context)


@member(Permission.DELETE_WORKSPACE)
@require_POST
@confirmed_when_sent
def workspace_keep(request: HttpRequest, membership: Membership) -> HttpResponse:
    """The user must prove who they are, as for enabling a client."""
    workspace = membership.workspace
    try:
        keep_workspace(workspace=workspace, actor=actor_of(request), now=timezone.now())
    except ValidationError as error:
        messages.error(request, error.messages[0])
    else:
        messages.success(request, f"The deletion of {workspace.name} is cancelled. Its clients and their tokens work again.")
    return redirect("workspace_delete", workspace.slug)


def _other_owners(membership: Membership) -> QuerySet[Membership]:
    """Owners whose accounts are enabled."""
    return Membership.objects.filter(workspace=membership.workspace, role=Role.OWNER, user__is_active=True).exclude(pk=membership.pk)
