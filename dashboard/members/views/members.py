"""A workspace's people: the list, their roles, and removing them."""

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from dashboard.frame.confirmation import confirmed_when_sent
from dashboard.members.forms import InvitationForm, RemovalForm, RoleForm
from dashboard.models import Membership
from dashboard.people import memberships, quotas
from dashboard.people.caller import actor_of
from dashboard.people.invitations import awaited_in
from dashboard.people.made_links import Links, count_of_leaving
from dashboard.people.permissions import Permission, givable_roles, may, member

PAGE = 50
INVITATIONS_SHOWN = 10
CLIENTS_NAMED = 10


@member(Permission.VIEW)
def members(request: HttpRequest, membership: Membership) -> HttpResponse:
    page = Paginator(memberships.members_of(membership.workspace), PAGE).get_page(request.GET.get("page"))
    awaited = awaited_in(membership.workspace)[: INVITATIONS_SHOWN + 1]
    context = {
        "page": page,
        "rows": memberships.describe_members(page.object_list, by=membership),
        "invitations": awaited[:INVITATIONS_SHOWN],
        "has_more_invitations": len(awaited) > INVITATIONS_SHOWN,
        "givable": givable_roles(membership),
        "now": timezone.now(),
        "demands_second_factor": _demands_second_factor(membership),
        "form": InvitationForm(by=membership) if may(membership, Permission.MANAGE_MEMBERS) and membership.workspace.deletes_at is None else None,
    }
    return render(request, "members/list.html", context)


def _demands_second_factor(membership: Membership) -> bool:
    policy = getattr(membership.workspace, "access_policy", None)
    return policy is not None and policy.requires_second_factor


def _find_other(membership: Membership, pk: int) -> Membership:
    """Raise Http404 for people who aren't in this workspace."""
    found = Membership.objects.select_related("workspace", "user").filter(workspace=membership.workspace, pk=pk).first()
    if found is None:
        raise Http404
    return found


@member(Permission.MANAGE_MEMBERS)
@confirmed_when_sent
def member_role(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    other = _find_other(membership, pk)
    memberships.require_over(membership, other.role)
    now, refusal = timezone.now(), None
    form = RoleForm(request.POST if request.method == "POST" else None, by=membership, of=other, now=now)
    if form.is_valid() and form.cleaned_data["role"] != other.role and (refusal := quotas.refuse_role_change(other, by=membership.user, now=now)):
        form.add_error(None, refusal.text)
    elif form.is_valid():
        try:
            changed = memberships.change_role(membership=other, role=form.cleaned_data["role"], by=membership, actor=actor_of(request), now=now)
        except Membership.DoesNotExist:
            raise Http404 from None
        except ValidationError as error:
            form.add_error("role", error)
        else:
            named = f"{other.user.shown_name} is {Membership.Role(changed.membership.role).with_article}"
            if changed.membership.role != other.role:
                messages.success(request, f"{named} now.{_say_withdrawn(changed.withdrawn)}")
            else:
                messages.info(request, f"{named}, as before.")
            return redirect("members", membership.workspace.slug)
    context = {
        "form": form,
        "other": other,
        "is_self": other.pk == membership.pk,
        "is_last_owner": memberships.is_last_owner(other),
        "sso_name": _name_sso(other),
    }
    response = render(request, "members/role.html", context)
    return refusal.apply_to(response) if refusal else response


def _name_sso(other: Membership) -> str:
    """The provider's name if it would give the role again at the next sign-in; otherwise ""."""
    return settings.SSO_NAME if other.came_by_sso and settings.SSO_ISSUER else ""


@member(Permission.MANAGE_MEMBERS)
@confirmed_when_sent
def member_remove(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    other = _find_other(membership, pk)
    if other.pk == membership.pk:
        return redirect("leave", membership.workspace.slug)
    memberships.require_over(membership, other.role)
    return _take_leave(request, membership, other, initial=membership)


@member(Permission.VIEW)
@confirmed_when_sent
def leave(request: HttpRequest, membership: Membership) -> HttpResponse:
    return _take_leave(request, membership, membership, initial=None)


def _take_leave(request: HttpRequest, membership: Membership, other: Membership, *, initial: Membership | None) -> HttpResponse:
    clients = memberships.clients_of(other)
    client_count = clients.count()
    form = RemovalForm(
        request.POST if request.method == "POST" else None, heirs=memberships.heirs_of(other), needs_heir=client_count > 0, initial={"heir": initial}
    )
    is_leaving = other.pk == membership.pk
    if request.method == "POST" and form.is_valid():
        try:
            heir = form.cleaned_data.get("heir")
            removed = memberships.remove_member(membership=other, by=membership, heir=heir, actor=actor_of(request), now=timezone.now())
        except Membership.DoesNotExist:
            raise Http404 from None
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return _say_goodbye(request, other, is_leaving=is_leaving, heir=heir, removed=removed)
    context = {
        "form": form,
        "other": other,
        "clients": clients[:CLIENTS_NAMED],
        "client_count": client_count,
        "more_clients": max(0, client_count - CLIENTS_NAMED),
        "links": count_of_leaving(user=other.user, workspace=other.workspace, now=timezone.now()),
        "sso_name": _name_sso(other),
        "is_last_owner": memberships.is_last_owner(other),
    }
    return render(request, "members/leave.html" if is_leaving else "members/remove.html", context)


def _say_goodbye(request: HttpRequest, other: Membership, *, is_leaving: bool, heir: Membership | None, removed: memberships.Removed) -> HttpResponse:
    said = "" if heir is None else f" {heir.user.shown_name} is now the owner of {removed.clients:,} client{'s' if removed.clients != 1 else ''}."
    said += _say_withdrawn(removed.withdrawn)
    if is_leaving:
        messages.success(request, f"You left {other.workspace.name}.{said}")
        return redirect("workspaces")
    messages.success(request, f"{other.user.shown_name} was removed.{said}")
    return redirect("members", other.workspace.slug)


def _say_withdrawn(links: Links) -> str:
    """A sentence about the withdrawn links, which follows another one."""
    return f" Withdrawn: {links}." if links else ""
