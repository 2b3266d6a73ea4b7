"""Finds the roles that the groups at the OpenID provider give, and adjusts a person's memberships to them.

Only memberships that came by single sign-on follow the groups. Memberships made by hand stay as they are.
"""

import logging
from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.core.exceptions import ValidationError

from clients.models import Workspace
from clients.services.audit import Actor
from clients.services.workspaces import lock_workspace
from dashboard.models import Membership, User
from dashboard.people.memberships import add_member, change_role, remove_member

logger = logging.getLogger("tokenos.sso")

_RANK = {role: rank for rank, role in enumerate(("viewer", "developer", "admin", "owner"))}


def roles_of(groups: Iterable[str]) -> dict[str, str]:
    """Workspace slug → role, the highest if several groups give one."""
    found: dict[str, str] = {}
    named = set(groups)
    for group, slug, role in settings.SSO_ROLES:
        if group in named and _RANK[role] >= _RANK[found.get(slug, "viewer")]:
            found[slug] = role
    return found


def follow_groups(*, user: User, groups: Iterable[str], actor: Actor, now: datetime) -> None:
    """Add, change and remove memberships by single sign-on, each with its audit event. A workspace's last owner stays.

    Call it in a transaction. It goes in the order of the workspaces' keys, so that two sign-ins lock them in the same order.
    """
    roles = roles_of(groups)
    concerned = Workspace.objects.filter(slug__in=roles) | Workspace.objects.filter(memberships__user=user, memberships__came_by_sso=True)
    for workspace in concerned.distinct().order_by("pk"):
        try:
            _follow(lock_workspace(workspace), user, roles.get(workspace.slug), actor=actor, now=now)
        except ValidationError as error:
            # The person is the workspace's last owner, or it is scheduled for deletion. The person can still enter other workspaces.
            logger.warning("Role in a workspace left as it is: %s", " ".join(error.messages), extra={"workspace": workspace.slug, "user_id": user.pk})


def _follow(workspace: Workspace, user: User, role: str | None, *, actor: Actor, now: datetime) -> None:
    membership = Membership.objects.select_related("workspace", "user").filter(workspace=workspace, user=user).first()
    if membership is None and role is not None:
        added = add_member(workspace=workspace, user=user, role=role, actor=actor, now=now)
        Membership.objects.filter(pk=added.pk).update(came_by_sso=True)
    elif membership is not None and membership.came_by_sso:
        if role is None:
            remove_member(membership=membership, by=None, actor=actor, now=now)
        else:
            change_role(membership=membership, role=role, by=None, actor=actor, now=now)
