"""A workspace's members and their roles.

Every change locks the workspace first and then reads the roles again. So two people who demote or remove each other at once can't leave it without an owner,
and a person who was just demoted can't change it any more.

by: the acting person's membership; None if the instance itself acts, by a command or single sign-on. Then the only rule is that the last owner stays.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Case, Count, Max, QuerySet, Value, When

from clients.models import Client, Workspace
from clients.services import audit
from clients.services.audit import Actor
from clients.services.clients import hand_over_clients
from clients.services.workspaces import lock_workspace, require_kept
from dashboard.instance import mail
from dashboard.models import Membership, User
from dashboard.people.made_links import Links, withdraw_lost
from dashboard.people.owner_notices import tell_owners_of_new
from dashboard.people.permissions import NotAllowedError, Permission, givable_roles, require

Role = Membership.Role


def read_anew(membership: Membership) -> Membership:
    """Read it again under the lock. Raise Membership.DoesNotExist if it was removed meanwhile."""
    return Membership.objects.select_related("workspace", "user").get(pk=membership.pk, workspace=membership.workspace_id)


def check_role(role: str) -> None:
    """Raise ValidationError."""
    if role not in Role.values:
        raise ValidationError("Choose viewer, developer, admin or owner.", code="unknown_role")


def require_over(by: Membership, role: str) -> None:
    """Raise NotAllowedError if by may neither give nor take that role."""
    require(by, Permission.MANAGE_MEMBERS)
    if role not in givable_roles(by):
        raise NotAllowedError(by, Permission.MANAGE_OWNERS)


def is_last_owner(membership: Membership) -> bool:
    """Whether the workspace has no other owner who can sign in."""
    owners = Membership.objects.filter(workspace=membership.workspace_id, role=Role.OWNER, user__is_active=True)
    return membership.role == Role.OWNER and not owners.exclude(pk=membership.pk).exists()


def _keep_an_owner(membership: Membership) -> None:
    if is_last_owner(membership):
        raise ValidationError("Make someone else an owner first.", code="last_owner")


def add_member(*, workspace: Workspace, user: User, role: str, actor: Actor, now: datetime, invited_by: str = "") -> Membership:
    """Add a member. An existing member keeps their role. invited_by: as in AuditEvent.actor, "" for none.

    Raise ValidationError for an unknown role, and if the workspace is scheduled for deletion.
    """
    check_role(role)
    with transaction.atomic():
        require_kept(lock_workspace(workspace))
        membership, is_new = Membership.objects.get_or_create(workspace=workspace, user=user, defaults={"role": role, "created_at": now})
        if is_new:
            after = {"role": role, "invited_by": invited_by} if invited_by else {"role": role}
            _record("member.added", membership, actor=actor, now=now, after=after)
            _tell(membership, giver=invited_by or actor.name, now=now)
    return membership


def _asked(actor: Actor) -> Actor:
    """The actor without require_still: the right was already checked under the lock, and the change itself may take it away."""
    return replace(actor, require_still=None)


@dataclass(frozen=True, slots=True)
class Changed:
    """withdrawn: the person's links that they couldn't make in the new role."""

    membership: Membership
    withdrawn: Links


def change_role(*, membership: Membership, role: str, by: Membership | None, actor: Actor, now: datetime) -> Changed:
    """No effect if they already have that role. Links for others that the person could no longer make are withdrawn.

    Raise ValidationError for an unknown role and for the last owner, NotAllowedError if by isn't above both roles, Membership.DoesNotExist if one of
    the two was removed meanwhile.
    """
    check_role(role)
    with transaction.atomic():
        lock_workspace(membership.workspace)
        present = read_anew(membership)
        if by is not None:
            acting = read_anew(by)
            require_over(acting, present.role)
            require_over(acting, role)
            actor = _asked(actor)
        if present.role == role:
            return Changed(present, Links())
        _keep_an_owner(present)
        before, present.role = present.role, role
        present.save(update_fields=["role"])
        _record("member.role_changed", present, actor=actor, now=now, before={"role": before}, after={"role": role})
        _tell(present, giver=actor.name, now=now)
        _tell_person("member_role_changed", present, by=by, before=Role(before).label)
        reason = f"{present.user.email} is {Role(role).with_article} now."
        withdrawn = withdraw_lost(user=present.user, workspace=present.workspace, role=role, reason=reason, actor=actor, now=now)
    return Changed(present, withdrawn)


def release_from_sso(*, membership: Membership, actor: Actor, now: datetime) -> bool:
    """Turn a role that came by single sign-on into one given by hand. Returns whether it came that way. Raise Membership.DoesNotExist if it was removed."""
    with transaction.atomic():
        lock_workspace(membership.workspace)
        present = read_anew(membership)
        if not present.came_by_sso:
            return False
        present.came_by_sso = False
        present.save(update_fields=["came_by_sso"])
        _record("member.changed", present, actor=actor, now=now, before={"came_by_sso": True}, after={"came_by_sso": False})
    return True


@dataclass(frozen=True, slots=True)
class Removed:
    """clients: the number of clients that got the heir as contact. withdrawn: the links that the person had made."""

    clients: int
    withdrawn: Links


def remove_member(*, membership: Membership, by: Membership | None, heir: Membership | None = None, actor: Actor, now: datetime) -> Removed:
    """Remove somebody, or leave if by is the membership itself. The person's links for others are withdrawn.

    heir: the member who becomes the contact of the clients that name the person; None to leave them as they are.
    Raise like change_role, and ValidationError for an heir who isn't another member of the workspace.
    """
    with transaction.atomic():
        lock_workspace(membership.workspace)
        present = read_anew(membership)
        is_leaving = by is not None and by.pk == present.pk
        if by is not None and not is_leaving:
            require_over(read_anew(by), present.role)
        actor = _asked(actor)
        _keep_an_owner(present)
        handed_over = 0
        if heir is not None:
            handed_over = _hand_over(present, heir, actor=actor, now=now)
        _record("member.left" if is_leaving else "member.removed", present, actor=actor, now=now, before={"role": present.role})
        reason = f"{present.user.email} {'left' if is_leaving else 'was removed'}."
        withdrawn = withdraw_lost(user=present.user, workspace=present.workspace, role=None, reason=reason, actor=actor, now=now)
        _tell_person("member_removed", present, by=by)
        present.delete()
    return Removed(handed_over, withdrawn)


def _hand_over(present: Membership, heir: Membership, *, actor: Actor, now: datetime) -> int:
    found = Membership.objects.select_related("user").filter(pk=heir.pk, workspace=present.workspace_id).exclude(pk=present.pk).first()
    if found is None:
        raise ValidationError("Choose another member of this workspace.", code="unknown_heir")
    return hand_over_clients(workspace=present.workspace, contact=present.user.email, to=found.user.email, actor=actor, now=now)


def _record(event: str, membership: Membership, *, actor: Actor, now: datetime, **changed: dict[str, Any]) -> None:
    target = membership.user.audit_name
    audit.record(event, workspace=membership.workspace, actor=actor, target_type="user", target_id=target, now=now, **changed)


def _tell(membership: Membership, *, giver: str, now: datetime) -> None:
    """Tell the other owners about a new owner."""
    if membership.role == Role.OWNER:
        tell_owners_of_new(membership, giver=giver, now=now)


def _tell_person(template: str, membership: Membership, *, by: Membership | None, **said: Any) -> None:
    """After the commit, tell the person concerned, unless they or the instance made the change."""
    if by is not None and by.user_id != membership.user_id:
        context = {"membership": membership, "workspace": membership.workspace, "by": by.user, **said}
        transaction.on_commit(partial(mail.send_later, template, [membership.user.email], context), robust=True)


def members_of(workspace: Workspace) -> QuerySet[Membership]:
    """The members, with owners first, then by name."""
    rank = Case(*[When(role=role, then=Value(number)) for number, role in enumerate((Role.OWNER, Role.ADMIN, Role.DEVELOPER, Role.VIEWER))])
    return Membership.objects.filter(workspace=workspace).select_related("user").order_by(rank, "user__name", "user__email")


def heirs_of(membership: Membership) -> QuerySet[Membership]:
    """The members who can take over a leaving person's clients: those who may rotate their secrets."""
    able = [Role.OWNER, Role.ADMIN, Role.DEVELOPER]
    return members_of(membership.workspace).filter(role__in=able, user__is_active=True).exclude(pk=membership.pk)


def clients_of(membership: Membership) -> QuerySet[Client]:
    """The clients that name the person as their contact."""
    return Client.objects.filter(workspace=membership.workspace, contact__iexact=membership.user.email).order_by("name", "pk")


@dataclass(frozen=True, slots=True)
class MemberRow:
    """second_factor: in words, "" for none. last_active: None for never. may_manage: whether the reader may change and remove them."""

    membership: Membership
    second_factor: str
    last_active: datetime | None
    may_manage: bool


def describe_members(memberships: Iterable[Membership], *, by: Membership) -> list[MemberRow]:
    """This takes three queries for any number of members."""
    listed = list(memberships)
    users = [membership.user_id for membership in listed]
    factors: dict[int, dict[str, int]] = {}
    for row in Authenticator.objects.filter(user__in=users).values("user", "type").annotate(count=Count("pk")).order_by():
        factors.setdefault(row["user"], {})[row["type"]] = row["count"]
    seen = dict(UserSession.objects.filter(user__in=users).values_list("user").annotate(last=Max("last_seen_at")).order_by())
    manageable = givable_roles(by)
    return [
        MemberRow(
            membership,
            say_second_factor(factors.get(membership.user_id, {})),
            max(filter(None, (seen.get(membership.user_id), membership.user.last_login)), default=None),
            membership.role in manageable,
        )
        for membership in listed
    ]


def say_second_factor(counts: dict[str, int]) -> str:
    """counts: by type of Authenticator. Recovery codes alone don't count as a factor."""
    passkeys = counts.get(Authenticator.Type.WEBAUTHN, 0)
    words = [f"{passkeys} passkeys" if passkeys > 1 else "passkey"] if passkeys else []
    words += ["codes"] if counts.get(Authenticator.Type.TOTP) else []
    text = ", ".join(words)
    return text[:1].upper() + text[1:]
