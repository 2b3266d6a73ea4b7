"""Mail to all owners of a workspace about what decides who it belongs to, also to whoever did it: it may have been somebody else in their session."""

from collections.abc import Mapping
from typing import Any

from clients.models import Workspace
from dashboard.instance import mail
from dashboard.models import Membership, User


def tell_owners(template: str, workspace: Workspace, context: Mapping[str, Any], *, but: Membership | None = None) -> None:
    """but: who hears it otherwise."""
    owners = Membership.objects.filter(workspace=workspace, role=Membership.Role.OWNER, user__is_active=True).select_related("user")
    for owner in owners.order_by("pk") if but is None else owners.exclude(pk=but.pk).order_by("pk"):
        mail.send_later(template, [owner.user.email], {"workspace": workspace, **context})


def tell_owners_of_new(membership: Membership, *, by: User | None) -> None:
    """by: None for a group at the OpenID provider."""
    tell_owners("owner_added", membership.workspace, {"membership": membership, "by": by}, but=membership)
