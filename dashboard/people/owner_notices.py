"""Mail to all owners of a workspace about changes of its ownership, also to the person who made the change: it may have been somebody else in their session."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from clients.models import Workspace
from clients.services.announcements import after_commit
from dashboard.models import Membership, User
from dashboard.people.actors import find_person, say_doer
from dashboard.people.member_notices import tell_member


def tell_owners(template: str, workspace: Workspace, context: Mapping[str, Any], *, by: User | None, but: Membership | None = None, now: datetime) -> None:
    """by: None if it isn't a person. but: the person who is told separately."""
    owners = Membership.objects.filter(workspace=workspace, role=Membership.Role.OWNER, user__is_active=True).select_related("user")
    for owner in owners.order_by("pk") if but is None else owners.exclude(pk=but.pk).order_by("pk"):
        tell_member(template, owner.user.email, {"workspace": workspace, **context}, by=by, now=now)


def tell_owners_of_new(membership: Membership, *, giver: str, now: datetime) -> None:
    """Call it in the transaction that makes a new owner; the mail is sent after it. giver: who gave the role, as in AuditEvent.actor."""
    after_commit(partial(_tell_owners_of_new, membership, giver, now))


def _tell_owners_of_new(membership: Membership, giver: str, now: datetime) -> None:
    context = {"membership": membership, "giver": say_doer(giver)}
    tell_owners("owner_added", membership.workspace, context, by=find_person(giver), but=membership, now=now)
