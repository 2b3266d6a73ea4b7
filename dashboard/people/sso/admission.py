"""Decides who may sign in by single sign-on and as which account, and links accounts with persons at the provider.

An account is found by issuer and subject. It is found by email address only once, if the provider is trusted for that domain (SSO_DOMAINS); other users who
already have an account prove that it is theirs by signing in as before and connecting it. Users without an account get one if a group gives them a role.

An account that was found by its address is linked at the end of that sign-in, so that a failed second factor leaves nothing behind.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from clients.models import Workspace
from clients.services import audit
from clients.services.audit import Actor
from clients.services.workspaces import lock_workspace
from dashboard.models import AccessPolicy, Membership, User
from dashboard.people.account_events import record
from dashboard.people.accounts import create_user
from dashboard.people.memberships import release_from_sso
from dashboard.people.sso.identity import Identity, is_of_trusted_domain
from dashboard.people.sso.memberships import follow_groups, roles_of
from dashboard.people.strangers_attempts import record_attempt

METHOD = "single sign-on"


class RefusedError(Exception):
    """code: a key of dashboard.account.views.sso.REFUSALS. email: the person's, if the provider vouches for it."""

    def __init__(self, code: str, *, user: User | None = None, email: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.user = user
        self.email = email


def provider_actor(actor: Actor) -> Actor:
    """The actor for accounts and roles that the provider gives. It contains the person's address."""
    return Actor(f"sso:{settings.SSO_ISSUER}", actor.address, actor.request_id)


def find_link(user: User) -> Any | None:
    """django-allauth's row that links the account with a person at the current provider."""
    return SocialAccount.objects.filter(user=user, provider=settings.SSO_ISSUER).first()


@dataclass(frozen=True, slots=True)
class Admitted:
    """waits: whether link_found must still be called after the sign-in."""

    user: User
    waits: bool


def admit(*, identity: Identity, actor: Actor, now: datetime) -> Admitted:
    """The person's account, which is made if that is allowed, with the memberships that the groups give. actor: from provider_actor. Raise RefusedError."""
    try:
        admitted = _admit(identity, actor=actor, now=now)
    except (IntegrityError, ValidationError):
        # The same person signs in for the first time in two windows, and the other one has just made the account.
        admitted = _admit(identity, actor=actor, now=now)
    user = admitted.user
    # This comes after the person's lost memberships are written.
    if not admitted.waits and not user.is_staff and not Membership.objects.filter(user=user).exists():
        raise RefusedError("no_role", user=user, email=identity.email)
    return admitted


def _admit(identity: Identity, *, actor: Actor, now: datetime) -> Admitted:
    with transaction.atomic():
        link = SocialAccount.objects.select_related("user").filter(provider=identity.issuer, uid=identity.subject).first()
        user = link.user if link is not None else _find(identity)
        if user is not None and not user.is_active:
            raise RefusedError("inactive", user=user, email=identity.email)
        if user is not None and link is None:
            return Admitted(user, waits=True)
        if user is None:
            user = _create(identity, actor=actor, now=now)
        follow_groups(user=user, groups=identity.groups, actor=actor, now=now)
    return Admitted(user, waits=False)


def _find(identity: Identity) -> User | None:
    """Find the account by its address. Raise RefusedError."""
    if not identity.email_is_proved:
        raise RefusedError("email_not_proved")
    user = User.objects.filter(email=identity.email).first()
    if user is not None:
        _refuse_to_find(user, identity)
    return user


def _create(identity: Identity, *, actor: Actor, now: datetime) -> User:
    if not Workspace.objects.filter(slug__in=roles_of(identity.groups)).exists():
        raise RefusedError("no_role", email=identity.email)
    user = create_user(email=identity.email, name=identity.name, actor=actor, now=now)
    _link(user, identity, actor=actor, now=now)
    return user


def _refuse_to_find(user: User, identity: Identity) -> None:
    """Raise RefusedError for an account that can't, or can no longer, be found by its address."""
    # A person who can manage groups at the provider must not become an administrator of this instance.
    if user.is_staff or user.email != identity.email or not is_of_trusted_domain(identity.email):
        raise RefusedError("account_exists", user=user, email=identity.email)
    if SocialAccount.objects.filter(user=user, provider=identity.issuer).exists():
        raise RefusedError("linked_with_another", user=user, email=identity.email)
    if not Workspace.objects.filter(slug__in=roles_of(identity.groups)).exists() and not Membership.objects.filter(user=user).exists():
        raise RefusedError("no_role", user=user, email=identity.email)


def link_found(*, user: User, identity: Identity, actor: Actor, now: datetime) -> None:
    """Link the account that admit found by its address, and follow the groups, once the person has proved everything that the account requires. Raise
    RefusedError if it may no longer be found.
    """
    with transaction.atomic():
        _refuse_to_find(User.objects.select_for_update().get(pk=user.pk), identity)
        connect(user=user, identity=identity, actor=actor, now=now)
        follow_groups(user=user, groups=identity.groups, actor=actor, now=now)


def connect(*, user: User, identity: Identity, actor: Actor, now: datetime) -> None:
    """Link an account with a person at the provider, once both are proved. Raise RefusedError if one of the two is already linked."""
    with transaction.atomic():
        present = User.objects.select_for_update().get(pk=user.pk)
        link = SocialAccount.objects.filter(provider=identity.issuer, uid=identity.subject).first()
        if link is not None and link.user_id != user.pk:
            raise RefusedError("taken", user=user)
        if link is None:
            if find_link(user) is not None:
                raise RefusedError("linked_with_another", user=user, email=user.email)
            _link(present, identity, actor=actor, now=now)


def find_reason_to_stay_connected(user: User) -> str | None:
    """A sentence that says why an account can't be disconnected; None if it can."""
    if not user.has_usable_password() and not Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN).exists():
        return "Without it, you couldn’t sign in. Set a password or add a passkey first."
    names = list(Membership.objects.filter(user=user, came_by_sso=True).order_by("workspace__name").values_list("workspace__name", flat=True)[:5])
    if names:
        return f"Your role in {', '.join(names)} comes from your groups at {settings.SSO_NAME}, so the connection stays as long as you are in them."
    return None


def disconnect(*, user: User, actor: Actor, now: datetime) -> bool:
    """Returns whether it was connected. If find_reason_to_stay_connected finds a reason, nothing happens."""
    with transaction.atomic():
        present = User.objects.select_for_update().get(pk=user.pk)
        link = find_link(present)
        if link is None or find_reason_to_stay_connected(present) is not None:
            return False
        before = {"issuer": link.provider, "subject": link.uid}
        link.delete()
        record("user.sso_disconnected", user, actor=actor, now=now, before=before)
    return True


def record_refusal(*, refused: RefusedError, actor: Actor, now: datetime) -> None:
    after = {"method": METHOD, "reason": refused.code} | ({"email": refused.email} if refused.email else {})
    record_attempt("user.sign_in_failed", refused.user, actor=actor, now=now, after=after)


def allow_passwords(*, workspace: Workspace, members: Iterable[str], actor: Actor, now: datetime) -> tuple[bool, list[str]]:
    """Let sessions without single sign-on into a workspace. Returns whether it required single sign-on, and the members whose role had come by it.

    members: addresses of members whose role now counts as given by hand and no longer follows groups. Raise ValidationError for one who isn't a member.
    """
    with transaction.atomic():
        lock_workspace(workspace)
        freed = [email for email in dict.fromkeys(email.strip().lower() for email in members) if _free(workspace, email, actor=actor, now=now)]
        was_demanded = AccessPolicy.objects.filter(workspace=workspace, requires_sso=True).update(requires_sso=False) == 1
        if was_demanded:
            changed = {"before": {"requires_sso": True}, "after": {"requires_sso": False}}
            audit.record("workspace.changed", workspace=workspace, actor=actor, target_type="workspace", target_id=workspace.slug, now=now, **changed)
    return was_demanded, freed


def _free(workspace: Workspace, email: str, *, actor: Actor, now: datetime) -> bool:
    membership = Membership.objects.select_related("workspace", "user").filter(workspace=workspace, user__email=email).first()
    if membership is None:
        raise ValidationError(f"“{email[:80]}” isn't a member of {workspace.slug}. Give the email address of a member's account.", code="unknown_member")
    return release_from_sso(membership=membership, actor=actor, now=now)


def _link(user: User, identity: Identity, *, actor: Actor, now: datetime) -> None:
    """Only the subject is stored, none of the other claims."""
    SocialAccount.objects.create(user=user, provider=identity.issuer, uid=identity.subject)
    record("user.sso_connected", user, actor=actor, now=now, after={"issuer": identity.issuer, "subject": identity.subject})
