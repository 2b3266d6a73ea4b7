"""Disabling and enabling an account, and granting and removing administrator rights.

A change ends sessions and links in its own transaction, so that it takes effect at the next request in every process. At least one active administrator always
remains, and all administrators are told about changes. Rows are locked in one order: workspaces, then accounts, each by primary key.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from clients.models import Workspace
from clients.services.audit import Actor
from dashboard.models import Membership, User
from dashboard.people import made_links, user_sessions
from dashboard.people.account_events import record
from dashboard.people.administrator_notices import tell_administrators
from dashboard.people.made_links import Links


@dataclass(frozen=True, slots=True)
class Ended:
    """The sessions and links that a change ended. has_changed: False if the account was already in that state."""

    has_changed: bool
    sessions: int = 0
    withdrawn: Links = field(default_factory=Links)


def disable_account(*, user: User, actor: Actor, now: datetime) -> Ended:
    """Disable the account: nobody can sign in to it, and its sessions end, with the links that it made or was sent. No effect if it is already disabled.

    Raise ValidationError for the last administrator.
    """
    with transaction.atomic():
        workspaces = made_links.lock_workspaces(user, now=now)
        present, administrators = _lock(user)
        if not present.is_active:
            return Ended(has_changed=False)
        _keep_an_administrator(present, administrators)
        present.is_active, present.disabled_at = False, now
        present.save(update_fields=["is_active", "disabled_at"])
        sessions = user_sessions.delete_sessions(present)
        reason = f"The account {present.email} was disabled."
        withdrawn = made_links.withdraw_everywhere(user=present, workspaces=workspaces, reason=reason, actor=actor, now=now)
        after = {"sessions_ended": sessions, "invitations_withdrawn": withdrawn.invitations, "hand_overs_withdrawn": withdrawn.hand_overs}
        record("user.disabled", present, actor=actor, now=now, after=after)
        if present.is_staff:
            tell_administrators("user.disabled", present, actor=actor, now=now)
    return Ended(has_changed=True, sessions=sessions, withdrawn=withdrawn)


def enable_account(*, user: User, actor: Actor, now: datetime) -> Ended:
    """Enable the account: its ways to sign in and its memberships work again. Sessions and links don't come back. No effect if it is already enabled."""
    with transaction.atomic():
        present, _ = _lock(user)
        if present.is_active:
            return Ended(has_changed=False)
        present.is_active = True
        present.save(update_fields=["is_active"])
        record("user.enabled", present, actor=actor, now=now)
        if present.is_staff:
            tell_administrators("user.enabled", present, actor=actor, now=now)
    return Ended(has_changed=True)


def promote(*, user: User, actor: Actor, now: datetime) -> Ended:
    """Make it an administrator. Its sessions end, so that one that was left open doesn't get more rights. No effect on an administrator.

    Raise ValidationError if it is disabled.
    """
    with transaction.atomic():
        present, _ = _lock(user)
        if not present.is_active:
            raise ValidationError(f"The account {present.email} is disabled. Enable it first.", code="disabled_account")
        if present.is_staff:
            return Ended(has_changed=False)
        return _set_administrator(present, "user.promoted", is_on=True, actor=actor, now=now)


def demote(*, user: User, actor: Actor, now: datetime) -> Ended:
    """Make it no longer an administrator; its roles in workspaces stay. No effect if it isn't one. Raise ValidationError for the last administrator."""
    with transaction.atomic():
        present, administrators = _lock(user)
        if not present.is_staff:
            return Ended(has_changed=False)
        _keep_an_administrator(present, administrators)
        return _set_administrator(present, "user.demoted", is_on=False, actor=actor, now=now)


def find_ownerless(user: User) -> Sequence[str]:
    """The slugs of workspaces without any other owner who can sign in."""
    owned = Membership.objects.filter(user=user, role=Membership.Role.OWNER).values("workspace")
    others = Membership.objects.filter(role=Membership.Role.OWNER, user__is_active=True).exclude(user=user).values("workspace")
    return list(Workspace.objects.filter(pk__in=owned).exclude(pk__in=others).order_by("slug").values_list("slug", flat=True))


def _lock(user: User) -> tuple[User, list[User]]:
    """The current account, and all administrators whose account is enabled."""
    # no_key: rows that only refer to an account, such as its sessions, don't have to wait.
    rows = User.objects.select_for_update(no_key=True).filter(Q(pk=user.pk) | Q(is_staff=True, is_active=True)).order_by("pk")
    found = {row.pk: row for row in rows}
    return found[user.pk], [row for row in found.values() if row.is_staff and row.is_active]


def _keep_an_administrator(present: User, administrators: Sequence[User]) -> None:
    if [row.pk for row in administrators] == [present.pk]:
        raise ValidationError(f"The account {present.email} is the last administrator of this instance. Promote another one first.", code="last_administrator")


def _set_administrator(present: User, event: str, *, is_on: bool, actor: Actor, now: datetime) -> Ended:
    present.is_staff = present.is_superuser = is_on
    present.save(update_fields=["is_staff", "is_superuser"])
    sessions = user_sessions.delete_sessions(present)
    record(event, present, actor=actor, now=now, after={"sessions_ended": sessions})
    tell_administrators(event, present, actor=actor, now=now)
    return Ended(has_changed=True, sessions=sessions)
