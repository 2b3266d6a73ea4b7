"""The scopes of a workspace, and the clients that have each scope."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from clients.models import Client, Scope
from clients.services import scopes as scope_services
from dashboard.frame.confirmation import confirmed_when_sent
from dashboard.models import Membership
from dashboard.people import quotas
from dashboard.people.caller import actor_of
from dashboard.people.permissions import Permission, may, member
from dashboard.workspaces.settings.counts import count_by_scope
from dashboard.workspaces.settings.forms import ScopeForm, ScopeSentenceForm

PAGE = 50


@member(Permission.VIEW, post=Permission.CHANGE_SETTINGS)
def scopes(request: HttpRequest, membership: Membership) -> HttpResponse:
    """POST adds a scope."""
    workspace, now, refusal = membership.workspace, timezone.now(), None
    form = ScopeForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and (refusal := quotas.refuse_edit(membership.user, takes_proof=False, now=now)):
        form.add_error(None, refusal.text)
    elif form.is_valid():
        try:
            made = scope_services.create_scope(workspace=workspace, **form.cleaned_data, actor=actor_of(request), now=now)
        except ValidationError as error:
            form.add_error("name", error)
        else:
            messages.success(request, f"Scope {made.name} added. No client has it yet.")
            return redirect("scopes", workspace.slug)
    page = Paginator(Scope.objects.filter(workspace=workspace).order_by("name"), PAGE).get_page(request.GET.get("page"))
    counts = count_by_scope(workspace)
    rows = [(scope, counts.get(scope.name, 0)) for scope in page.object_list]
    context = {"workspace": workspace, "page": page, "rows": rows, "form": form if may(membership, Permission.CHANGE_SETTINGS) else None}
    response = render(request, "workspaces/settings/scopes.html", context)
    return refusal.apply_to(response) if refusal else response


@member(Permission.CHANGE_SETTINGS)
def scope(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """Change its description."""
    found, now, refusal = _find(membership, pk), timezone.now(), None
    form = ScopeSentenceForm(request.POST if request.method == "POST" else None, initial={"description": found.description})
    if form.is_valid() and (refusal := quotas.refuse_edit(membership.user, takes_proof=False, now=now)):
        form.add_error(None, refusal.text)
    elif form.is_valid():
        try:
            scope_services.change_scope(scope=found, description=form.cleaned_data["description"], actor=actor_of(request), now=now)
        except ValidationError as error:
            form.add_error("description", error)
        else:
            messages.success(request, f"Description of {found.name} saved.")
            return redirect("scopes", membership.workspace.slug)
    response = render(request, "workspaces/settings/scope.html", {"workspace": membership.workspace, "scope": found, "form": form})
    return refusal.apply_to(response) if refusal else response


@member(Permission.CHANGE_SETTINGS)
@confirmed_when_sent
def scope_remove(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """GET lists the clients that would lose it."""
    found = _find(membership, pk)
    workspace = membership.workspace
    error = ""
    if request.method == "POST":
        try:
            count = scope_services.remove_scope(scope=found, actor=actor_of(request), now=timezone.now())
        except ValidationError as refusal:
            error = refusal.messages[0]
        else:
            messages.success(request, f"Scope {found.name} removed. {count:,} client{'s' if count != 1 else ''} lost it.")
            return redirect("scopes", workspace.slug)
    clients = Client.objects.filter(workspace=workspace).with_scope(found.name).order_by("name", "pk")
    page = Paginator(clients, PAGE).get_page(request.GET.get("page"))
    return render(request, "workspaces/settings/scope_remove.html", {"workspace": workspace, "scope": found, "page": page, "error": error})


def _find(membership: Membership, pk: int) -> Scope:
    """Raise Http404 for other workspaces' scopes, and for built-in ones, which can't be changed."""
    found = Scope.objects.select_related("workspace").filter(workspace=membership.workspace, pk=pk, is_built_in=False).first()
    if found is None:
        raise Http404
    return found
