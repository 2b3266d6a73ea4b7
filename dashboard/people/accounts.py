"""Makes accounts, changes their name, display and email address, and recovers lost ones."""

from dataclasses import dataclass
from datetime import datetime

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.core import signing
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.crypto import constant_time_compare, salted_hmac

from clients.models import Workspace
from clients.services import audit
from clients.services.audit import Actor
from clients.services.clients import hand_over_clients
from clients.services.entered_values import clean_text
from dashboard.instance.mail.addresses import clean_address
from dashboard.models import User
from dashboard.people import made_links, second_factors, user_sessions
from dashboard.people.account_events import record
from dashboard.people.made_links import Links
from dashboard.people.passwords import DeadLinkError, make_reset_link
from oauth.replay import mark_used

EMAIL_CHANGE_SECONDS = 24 * 3600
_EMAIL_CHANGE = "dashboard.people.accounts.email_change"


def create_user(*, email: str, name: str = "", hashed_password: str | None = None, is_instance_admin: bool = False, actor: Actor, now: datetime) -> User:
    """Make an account. hashed_password: from make_password, None for no password. Raise ValidationError if the address is malformed or taken."""
    with transaction.atomic():
        try:
            user = User.objects.create_user(clean_address(email), name=name, is_staff=is_instance_admin, is_superuser=is_instance_admin, created_at=now)
        except ValidationError:
            raise ValidationError(f"“{email[:80]}” can't be an account's email address. Use one such as ada@example.com.", code="invalid_email") from None
        if hashed_password is not None:
            user.password = hashed_password
            user.save(update_fields=["password"])
        record("user.created", user, actor=actor, now=now, after={"is_instance_admin": is_instance_admin})
    return user


def rename(*, user: User, name: str, actor: Actor, now: datetime) -> None:
    """name: if it is empty, the email address is shown instead."""
    named = clean_text(name, field="name", max_length=100, required=False)
    with transaction.atomic():
        present = User.objects.select_for_update().get(pk=user.pk)
        before, present.name = present.name, named
        if before != named:
            present.save(update_fields=["name"])
            changed = {"before": {"name": before}, "after": {"name": named}}
            record("user.renamed", present, actor=actor, now=now, **changed)
            # Pages show a person's current name also for earlier acts.
            for workspace in Workspace.objects.filter(memberships__user=present).order_by("pk"):
                target = present.audit_name
                audit.record("member.renamed", workspace=workspace, actor=actor, target_type="user", target_id=target, now=now, **changed)


def set_single_keys(*, user: User, is_on: bool) -> None:
    """Whether single letters are shortcuts. There is no event: the setting gives no access, other people don't see it, and it may be changed any number of
    times.
    """
    User.objects.filter(pk=user.pk).update(has_single_keys=is_on)


@dataclass(frozen=True, slots=True)
class Recovered:
    """factors, sessions, connections (with a person at the OpenID provider): the numbers of removed ones. link: the path that sets a new password."""

    factors: int
    sessions: int
    connections: int
    withdrawn: Links
    link: str

    @property
    def counts(self) -> dict[str, int]:
        """Named as in the audit log and the command."""
        return {
            "second_factors_removed": self.factors,
            "connections_removed": self.connections,
            "sessions_ended": self.sessions,
            "invitations_withdrawn": self.withdrawn.invitations,
            "hand_overs_withdrawn": self.withdrawn.hand_overs,
        }


def recover(*, user: User, actor: Actor, now: datetime) -> Recovered:
    """Reset an account whose owner has lost everything: remove its password, second factors, sessions and connection with the OpenID provider, and make a link
    for a new password.

    It also helps if somebody else has taken the account over: they may have connected it with their own person at the provider and made links to come back.
    Raise ValidationError if it is disabled.
    """
    if not user.is_active:
        raise ValidationError(f"The account {user.email} is disabled.", code="inactive")
    with transaction.atomic():
        workspaces = made_links.lock_workspaces(user, now=now)
        present = User.objects.select_for_update().get(pk=user.pk)
        # Until the link is opened, a password that somebody else knows would be enough to sign in.
        present.set_unusable_password()
        present.save(update_fields=["password"])
        factors = second_factors.of(present).delete()[0]
        connections = SocialAccount.objects.filter(user=present).delete()[0]
        sessions = user_sessions.delete_sessions(present)
        reason = f"The account {present.email} was recovered."
        withdrawn = made_links.withdraw_everywhere(user=present, workspaces=workspaces, reason=reason, actor=actor, now=now)
        recovered = Recovered(factors, sessions, connections, withdrawn, make_reset_link(present))
        record("user.recovered", present, actor=actor, now=now, after=recovered.counts)
    return recovered


def make_email_change_token(*, user: User, email: str, actor: Actor, now: datetime) -> str | None:
    """The token for the link in the email to the new address; None if that address has an account. Raise ValidationError if it is malformed or unchanged."""
    wanted = clean_address(email)
    if wanted == user.email:
        raise ValidationError("That is your current address.", code="same")
    with transaction.atomic():
        record("user.email_change_requested", user, actor=actor, now=now, after={"email": wanted})
    if User.objects.filter(email=wanted).exists():
        return None
    return signing.dumps({"user": user.pk, "to": wanted, "state": _state_of(user)}, salt=_EMAIL_CHANGE)


def _state_of(user: User) -> str:
    """A digest of address and password: signed data can be read, and the email may reach a stranger."""
    return salted_hmac(_EMAIL_CHANGE, f"{user.email} {user.get_session_auth_hash()}", algorithm="sha256").hexdigest()


def read_email_change_token(token: str, *, user: User) -> str:
    """The new address. user: the signed-in user. Raise DeadLinkError for a link that is forged, expired, for another account, or from before the account's
    address or password changed.

    So if an intruder had a link mailed to their own address, it stops working when the owner sets another password, and somebody who gets mail for a mistyped
    address can't move the account to that address.
    """
    try:
        content = signing.loads(token, salt=_EMAIL_CHANGE, max_age=EMAIL_CHANGE_SECONDS)
    except signing.BadSignature:
        raise DeadLinkError from None
    present = User.objects.filter(pk=user.pk, is_active=True).first()
    if present is None or content["user"] != present.pk or not constant_time_compare(content.get("state", ""), _state_of(present)):
        raise DeadLinkError
    return str(content["to"])


def change_email(*, user: User, token: str, actor: Actor, now: datetime) -> User:
    """Returns the changed account. Raise DeadLinkError like read_email_change_token, and if the link was used or the address is taken."""
    try:
        return _change_email(user, token, actor, now)
    except IntegrityError:
        # An account with that address has just been made.
        raise DeadLinkError from None


def _change_email(user: User, token: str, actor: Actor, now: datetime) -> User:
    with transaction.atomic():
        made_links.lock_workspaces(user, now=now)
        present = User.objects.select_for_update().get(pk=user.pk)
        wanted = read_email_change_token(token, user=present)
        ends = int(now.timestamp()) + EMAIL_CHANGE_SECONDS
        is_first = mark_used("email change", str(user.pk), token, expires_at=ends, now=now)
        if not is_first or User.objects.filter(email=wanted).exists():
            raise DeadLinkError
        before = present.email
        # This comes before the change, because the event names the account by its address.
        changed = {"before": {"email": before}, "after": {"email": wanted}}
        record("user.email_changed", present, actor=actor, now=now, **changed)
        for workspace in Workspace.objects.filter(memberships__user=present).order_by("pk"):
            audit.record("member.email_changed", workspace=workspace, actor=actor, target_type="user", target_id=present.audit_name, now=now, **changed)
            # Otherwise mail about them would go to the old address, which may belong to somebody else by then.
            hand_over_clients(workspace=workspace, contact=before, to=wanted, is_same_person=True, actor=actor, now=now)
            reason = f"{before} is no longer a member’s address."
            made_links.withdraw_for_address(address=before, workspace=workspace, reason=reason, actor=actor, now=now)
        present.email = wanted
        present.save(update_fields=["email"])
        # django-allauth keeps its own list.
        EmailAddress.objects.filter(Q(user=present) | Q(email=wanted)).delete()
        EmailAddress.objects.create(user=present, email=wanted, verified=True, primary=True)
    return present
