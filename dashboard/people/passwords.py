"""Sets passwords of accounts, and makes the link in an email for setting one."""

import secrets
from datetime import datetime

from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.http import base36_to_int, int_to_base36

from clients.services.audit import Actor
from dashboard.models import User
from dashboard.people import second_factors, user_sessions
from dashboard.people.account_events import record
from dashboard.people.strangers_attempts import record_attempt


class _ResetTokens(PasswordResetTokenGenerator):
    """A token depends on the account's password, which a used link changes, so it works once. It also depends on the address and on the last time at which the
    account was disabled. It doesn't depend on the last sign-in: otherwise a thief with the password could invalidate each link by signing in. It lasts
    PASSWORD_RESET_TIMEOUT seconds.
    """

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        return f"{user.pk} {user.email} {user.get_session_auth_hash()} {timestamp}"


_reset_tokens = _ResetTokens()


class DeadLinkError(ValidationError):
    """A link in an email that is forged, expired or used. It doesn't say which."""

    def __init__(self) -> None:
        super().__init__("This link doesn’t work any more.", code="dead_link")


def generate_password() -> str:
    return secrets.token_urlsafe(16)


def set_password(*, user: User, hashed_password: str, kept: str = "", actor: Actor, now: datetime) -> None:
    """hashed_password: from make_password. kept: the key of the session that stays; all others end."""
    with transaction.atomic():
        present = User.objects.select_for_update().get(pk=user.pk)
        _set(present, hashed_password, event="user.password_changed", kept=kept, actor=actor, now=now)
    user.password = hashed_password


def _set(user: User, hashed_password: str, *, event: str, kept: str, actor: Actor, now: datetime) -> None:
    user.password = hashed_password
    user.save(update_fields=["password"])
    ended = user_sessions.delete_sessions(user, kept=kept)
    record(event, user, actor=actor, now=now, after={"sessions_ended": ended})


def make_reset_link(user: User) -> str:
    """The path that sets a new password once, within PASSWORD_RESET_TIMEOUT seconds. Only for mail to the account, or the operator's screen."""
    return f"/accounts/reset/{int_to_base36(user.pk)}-{_reset_tokens.make_token(user)}/"


def record_reset_request(*, user: User | None, actor: Actor, now: datetime) -> None:
    """user: None for an address without an account."""
    record_attempt("user.password_reset_requested", user, actor=actor, now=now)


def find_by_reset_link(link: str) -> User | None:
    """The link's account. link: the part of the path from make_reset_link."""
    uid, _, token = link.partition("-")
    try:
        pk = base36_to_int(uid)
    except ValueError:
        return None
    user = User.objects.filter(pk=pk, is_active=True).first() if pk < 2**63 else None
    return user if user is not None and _reset_tokens.check_token(user, token) else None


def reset_password(*, link: str, hashed_password: str, actor: Actor, now: datetime) -> User:
    """Set the password and end every session. Raise DeadLinkError if the link is forged, expired or used, also by a simultaneous request."""
    with transaction.atomic():
        user = find_by_reset_link(link)
        if user is None:
            raise DeadLinkError
        # Read again under the lock, because another request may have used the link meanwhile.
        user = User.objects.select_for_update().get(pk=user.pk)
        if find_by_reset_link(link) is None:
            raise DeadLinkError
        second_factors.allow_few_one_time_codes(user=user, actor=actor, now=now)
        _set(user, hashed_password, event="user.password_reset", kept="", actor=actor, now=now)
    return user
