"""The audiences of a workspace's clients: the APIs that their tokens are for."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from clients.audience import workspace_audience
from clients.models import Client
from clients.services import scopes as scope_services
from dashboard.frame.confirmation import confirmed_when_sent
from dashboard.models import Membership
from dashboard.people.caller import actor_of
from dashboard.people.permissions import Permission, may, member
from dashboard.workspaces.settings.counts import count_by_audience

PAGE = 50


@member(Permission.VIEW)
def audiences(request: HttpRequest, membership: Membership) -> HttpResponse:
    workspace = membership.workspace
    page = Paginator(list(count_by_audience(workspace).items()), PAGE).get_page(request.GET.get("page"))
    context = {
        "workspace": workspace,
        "page": page,
        "default": workspace_audience(workspace.slug),
        "default_count": Client.objects.filter(workspace=workspace, audiences=[]).count(),
        "may_change": may(membership, Permission.CHANGE_SETTINGS),
    }
    return render(request, "workspaces/settings/audiences.html", context)


@member(Permission.CHANGE_SETTINGS)
@confirmed_when_sent
def audience_remove(request: HttpRequest, membership: Membership) -> HttpResponse:
    """?uri= names the audience. GET lists the clients that would lose it."""
    workspace, audience = membership.workspace, request.GET.get("uri", "")
    if not audience or "\0" in audience or len(audience) > 512:
        raise Http404
    if request.method == "POST":
        try:
            count = scope_services.remove_audience(workspace=workspace, audience=audience, actor=actor_of(request), now=timezone.now())
        except ValidationError as error:
            raise Http404 from error
        messages.success(request, f"Audience {audience} removed. {count:,} client{'s' if count != 1 else ''} lost it.")
        return redirect("audiences", workspace.slug)
    clients = Client.objects.filter(workspace=workspace).with_audience(audience).order_by("name", "pk")
    page = Paginator(clients, PAGE).get_page(request.GET.get("page"))
    if not page.paginator.count:
        raise Http404
    context = {"workspace": workspace, "audience": audience, "page": page, "left_without": clients.filter(audiences=[audience]).count()}
    return render(request, "workspaces/settings/audience_remove.html", {**context, "default": workspace_audience(workspace.slug)})
