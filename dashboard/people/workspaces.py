"""Makes workspaces together with their owners."""

from datetime import datetime

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import transaction

from clients.models import Workspace
from clients.services import workspaces
from clients.services.audit import Actor
from dashboard.models import Membership, User
from dashboard.people import memberships
from dashboard.people.accounts import create_user

# Words after /w/ that aren't workspaces.
RESERVED_SLUGS = ("new",)


def create_workspace(
    *,
    slug: str,
    name: str,
    owner: str | None,
    owner_password: str | None = None,
    is_instance_admin: bool = False,
    actor: Actor,
    now: datetime,
) -> tuple[Workspace, User | None]:
    """Make a workspace and, if owner is an email address, its owner: the account with that address, or a new one.

    owner_password: of a new account; None for none yet. An existing account keeps its password.
    """
    if slug in RESERVED_SLUGS:
        raise ValidationError(f"The slug {slug} is used by another page. Choose another slug.", code="slug_reserved")
    hashed = make_password(owner_password)
    with transaction.atomic():
        workspace = workspaces.create_workspace(slug=slug, name=name, actor=actor, now=now)
        if owner is None:
            return workspace, None
        user = _find_or_create_user(owner, hashed_password=hashed, is_instance_admin=is_instance_admin, actor=actor, now=now)
        memberships.add_member(workspace=workspace, user=user, role=Membership.Role.OWNER, actor=actor, now=now)
    return workspace, user


def has_owner(workspace: Workspace) -> bool:
    return Membership.objects.filter(workspace=workspace, role=Membership.Role.OWNER).exists()


def give_first_owner(*, workspace: Workspace, owner: str, owner_password: str, actor: Actor, now: datetime) -> User:
    """Give an owner to a workspace that was made without one. owner, owner_password: as in create_workspace. Raise ValidationError if it has an owner.

    Only the operator may do this; otherwise, only owners may make owners.
    """
    hashed = make_password(owner_password)
    with transaction.atomic():
        if has_owner(workspaces.lock_workspace(workspace)):
            raise ValidationError(f"The workspace {workspace.slug} already has an owner, who can invite others.", code="has_owner")
        user = _find_or_create_user(owner, hashed_password=hashed, actor=actor, now=now)
        membership = memberships.add_member(workspace=workspace, user=user, role=Membership.Role.OWNER, actor=actor, now=now)
        memberships.change_role(membership=membership, role=Membership.Role.OWNER, by=None, actor=actor, now=now)
    return user


def _find_or_create_user(email: str, *, hashed_password: str | None, is_instance_admin: bool = False, actor: Actor, now: datetime) -> User:
    user = User.objects.filter(email=email.strip().lower()).first()
    return user or create_user(email=email, hashed_password=hashed_password, is_instance_admin=is_instance_admin, actor=actor, now=now)
