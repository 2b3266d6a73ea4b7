"""Changes that concern people and the whole instance."""

import secrets
from datetime import datetime, timedelta

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import transaction

from clients.models import Workspace
from clients.services import hand_overs, retention, workspaces
from clients.services import usage as client_usage
from clients.services.audit import Actor
from dashboard.instance.mail.addresses import clean_address
from dashboard.models import Invitation, Membership, SpentForm, User
from dashboard.people import memberships, strangers_attempts, user_sessions
from dashboard.people.account_events import record
from dashboard.people.strangers_attempts import record_attempt
from oauth import services as oauth_services

# Words that follow /w/ where no workspace is meant.
RESERVED_SLUGS = ("new",)

# After their end, so that they can be sent again.
INVITATIONS_KEPT = timedelta(days=90)

# Nobody reloads a page that is older.
SPENT_FORMS_KEPT = timedelta(days=30)


def generate_password() -> str:
    return secrets.token_urlsafe(16)


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
    """A workspace and, where owner is an e-mail address, its owner: the account with that address, or a new one.

    owner_password: of a new account; None for none yet. An account that is there already keeps what it has.
    """
    if slug in RESERVED_SLUGS:
        raise ValidationError(f"The slug {slug} is the address of another page. Choose another slug.", code="slug_reserved")
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
    """For a workspace that was made without one. owner, owner_password: as in create_workspace. Raise ValidationError if it has an owner.

    Only for who runs the instance: nobody who is no owner may give a workspace to somebody.
    """
    hashed = make_password(owner_password)
    with transaction.atomic():
        if has_owner(workspaces.lock_workspace(workspace)):
            raise ValidationError(f"The workspace {workspace.slug} has an owner already, who can invite others.", code="has_owner")
        user = _find_or_create_user(owner, hashed_password=hashed, actor=actor, now=now)
        membership = memberships.add_member(workspace=workspace, user=user, role=Membership.Role.OWNER, actor=actor, now=now)
        memberships.change_role(membership=membership, role=Membership.Role.OWNER, by=None, actor=actor, now=now)
    return user


def _find_or_create_user(email: str, *, hashed_password: str | None, is_instance_admin: bool = False, actor: Actor, now: datetime) -> User:
    user = User.objects.filter(email=email.strip().lower()).first()
    return user or create_user(email=email, hashed_password=hashed_password, is_instance_admin=is_instance_admin, actor=actor, now=now)


def create_user(*, email: str, name: str = "", hashed_password: str | None = None, is_instance_admin: bool = False, actor: Actor, now: datetime) -> User:
    """An account; hashed_password: as make_password returns it, None for none yet. Raise ValidationError where the address is malformed or taken."""
    with transaction.atomic():
        try:
            user = User.objects.create_user(clean_address(email), name=name, is_staff=is_instance_admin, is_superuser=is_instance_admin, created_at=now)
        except ValidationError:
            raise ValidationError(f"“{email[:80]}” can't be an account's e-mail address. Use one such as ada@example.com.", code="invalid_email") from None
        if hashed_password is not None:
            user.password = hashed_password
            user.save(update_fields=["password"])
        record("user.created", user, actor=actor, now=now, after={"is_instance_admin": is_instance_admin})
    return user


def set_password(*, user: User, password: str, actor: Actor, now: datetime) -> None:
    """Ends every session of the account."""
    hashed = make_password(password)
    with transaction.atomic():
        user.password = hashed
        user.save(update_fields=["password"])
        user_sessions.delete_sessions(user)
        record("user.password_changed", user, actor=actor, now=now)


def record_sign_out(*, user: User, actor: Actor, now: datetime) -> None:
    with transaction.atomic():
        record("user.signed_out", user, actor=actor, now=now)


def record_failed_sign_in(*, email: str, actor: Actor, now: datetime) -> None:
    """email: as typed. It is kept only where it is an account's: people type passwords there by mistake."""
    record_attempt("user.sign_in_failed", User.objects.filter(email=email.strip().lower()).first(), actor=actor, now=now)


def prune(*, now: datetime) -> dict[str, int]:
    """Remove what is past its retention. Returns how many rows went, by table."""
    # Before their counts go.
    strangers_attempts.record_rest(now=now)
    return {
        **client_usage.prune(now=now),
        **oauth_services.prune(now=now),
        "sessions": user_sessions.prune(now=now),
        "spent_forms": retention.delete_in_batches(SpentForm.objects.filter(created_at__lt=now - SPENT_FORMS_KEPT)),
        "invitations": retention.delete_in_batches(Invitation.objects.filter(expires_at__lt=now - INVITATIONS_KEPT)),
        "hand_overs": hand_overs.prune(now=now),
        "audit_events": retention.prune_audit_events(now=now),
    }
