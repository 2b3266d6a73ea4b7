"""Mail to all owners of a workspace about what decides who it belongs to, also to whoever did it: it may have been somebody else in their session."""

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
    """by: None for who is no person. but: who hears it otherwise."""
    owners = Membership.objects.filter(workspace=workspace, role=Membership.Role.OWNER, user__is_active=True).select_related("user")
    for owner in owners.order_by("pk") if but is None else owners.exclude(pk=but.pk).order_by("pk"):
        tell_member(template, owner.user.email, {"workspace": workspace, **context}, by=by, now=now)


def tell_owners_of_new(membership: Membership, *, giver: str, now: datetime) -> None:
    """Within the transaction that makes one, after which it is told. giver: whoever gave the role, as AuditEvent.actor names them."""
    after_commit(partial(_tell_owners_of_new, membership, giver, now))


def _tell_owners_of_new(membership: Membership, giver: str, now: datetime) -> None:
    context = {"membership": membership, "giver": say_doer(giver)}
    tell_owners("owner_added", membership.workspace, context, by=find_person(giver), but=membership, now=now)
