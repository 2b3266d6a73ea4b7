"""People's open sessions: each has one of django-allauth's rows, so that it can be shown and ended. An account has only a few."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import SESSION_KEY, logout
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from clients.services.audit import Actor
from clients.services.retention import delete_in_batches
from dashboard.models import User
from dashboard.people.account_events import record
from dashboard.people.session_store import SessionStore, digest_key
from dashboard.people.sign_in_flow import get_authentication_records
from dashboard.people.user_agent import describe_device

# The session key for the time when its last use was recorded in its row, in seconds since the epoch, so that most requests needn't read the row.
NOTED = "noted_at"
# The limit per account, because each session is a row for days, and must be searched.
MAX = 50


def find_open(user: User, *, now: datetime) -> "QuerySet[Any]":
    """The open sessions, with the newest activity first."""
    alive = Session.objects.filter(expire_date__gt=now).values("session_key")
    sessions: QuerySet[Any] = UserSession.objects.filter(user=user, session_key__in=alive).order_by("-last_seen_at", "-pk")
    return sessions


def find_own(request: HttpRequest) -> str:
    """The key of the rows for the request's own session, "" for none. It isn't the cookie's value, because rows don't contain that."""
    return digest_key(request.session.session_key)


def find_account(session_key: str) -> str:
    """The primary key of the user signed in by the session with the cookie's key, "" for none. The result only decides how much of a request is read. At most
    one query.
    """
    return str(SessionStore(session_key).get(SESSION_KEY, "")) if session_key else ""


def end_session(*, user: User, session: Any, actor: Actor, now: datetime) -> None:
    """End a session. Its browser is signed out at its next request."""
    with transaction.atomic():
        _delete(UserSession.objects.filter(user=user, pk=session.pk))
        after = {"device": describe_device(session.user_agent), "address": session.ip, "signed_in_at": session.created_at.isoformat()}
        record("user.session_ended", user, actor=actor, now=now, after=after)


def end_other_sessions(*, user: User, kept: str, actor: Actor, now: datetime) -> int:
    """kept: the key of the session that stays. Returns the number of ended sessions."""
    with transaction.atomic():
        ended = delete_sessions(user, kept=kept)
        if ended:
            record("user.sessions_ended", user, actor=actor, now=now, after={"ended": ended})
    return ended


def delete_sessions(user: User, *, kept: str = "") -> int:
    """End all sessions of an account except the one with the key kept. Call it in the transaction of the change; the change's event reports it."""
    return _delete(UserSession.objects.filter(user=user).exclude(session_key=kept))


def _delete(ended: "QuerySet[Any]") -> int:
    """Lock them before reading, so that a session that is getting a new key ends under that key. The order is fixed, because two sign-ins may end the same
    ones.
    """
    keys = list(ended.order_by("pk").select_for_update().values_list("session_key", flat=True))
    UserSession.objects.filter(session_key__in=keys).delete()
    return Session.objects.filter(session_key__in=keys).delete()[0]


def say_method(records: Sequence[Mapping[str, Any]]) -> str:
    """The user's method of signing in, in words. records: as django-allauth stores them in the session."""
    words = {"totp": "one-time code", "webauthn": "passkey", "recovery_codes": "recovery code", "socialaccount": "single sign-on"}
    said = [words.get(str(record.get("type", record["method"])), str(record["method"])) for record in records]
    return " and ".join(dict.fromkeys(said))


def open_session(request: HttpRequest, *, user: User, method: str, actor: Actor, now: datetime) -> None:
    """Make its row, and end the least recently used ones if the account has more than MAX. method: as in record_sign_in."""
    with transaction.atomic():
        device = request.META.get("HTTP_USER_AGENT", "")[: UserSession._meta.get_field("user_agent").max_length]
        said = {"user": user, "ip": get_adapter(request).get_client_ip(request), "user_agent": device, "last_seen_at": now}
        UserSession.objects.update_or_create(session_key=find_own(request), defaults=said)
        of_user = UserSession.objects.filter(user=user)
        of_user.exclude(session_key__in=Session.objects.values("session_key")).delete()
        too_many = list(of_user.exclude(session_key=find_own(request)).order_by("-last_seen_at", "-pk").values_list("pk", flat=True)[MAX - 1 :])
        if too_many:
            record("user.sessions_ended", user, actor=actor, now=now, after={"ended": _delete(of_user.filter(pk__in=too_many)), "most": MAX})
        record_sign_in(user=user, session_key=find_own(request), method=method, actor=actor, now=now)


def record_sign_in(*, user: User, session_key: str, method: str, actor: Actor, now: datetime) -> None:
    """method: from say_method; the list of sessions shows it too."""
    with transaction.atomic():
        UserSession.objects.filter(session_key=session_key).update(data={"method": method})
        record("user.signed_in", user, actor=actor, now=now, after={"method": method})


def record_confirmation(*, user: User, method: str, actor: Actor, now: datetime) -> None:
    with transaction.atomic():
        record("user.confirmed", user, actor=actor, now=now, after={"method": method})


def record_failed_confirmation(*, user: User, actor: Actor, now: datetime) -> None:
    with transaction.atomic():
        record("user.confirmation_failed", user, actor=actor, now=now)


def limit(request: HttpRequest, *, now: datetime) -> None:
    """End the session SESSION_LONGEST_AGE after the sign-in, even if it is in use. OWASP ASVS 5.0, 7.3.2."""
    began = min((record["at"] for record in get_authentication_records(request, request.user)), default=now.timestamp())
    left = int(began + settings.SESSION_LONGEST_AGE - now.timestamp())
    if left <= 0:
        logout(request)
    elif left < request.session.get_expiry_age():
        request.session.set_expiry(left)


def prune(*, now: datetime) -> int:
    """Delete expired sessions. Returns their number, including those of browsers without a sign-in."""
    ended = delete_in_batches(Session.objects.filter(expire_date__lt=now))
    delete_in_batches(UserSession.objects.exclude(session_key__in=Session.objects.values("session_key")))
    return ended


def change_key(request: HttpRequest) -> None:
    """Give the session a new key, so that somebody who saw the old key doesn't benefit from the new proof. OWASP ASVS 5.0, 7.2.4.

    If the session has been ended meanwhile, sign the user out and raise SessionInterrupted: a new key must not revive it.
    """
    old = find_own(request)
    try:
        with transaction.atomic():
            require_open(old)
            request.session.cycle_key()
            UserSession.objects.filter(session_key=old).update(session_key=find_own(request))
    except SessionInterrupted:
        logout(request)
        raise


def require_open(session_key: str) -> None:
    """Call it in a transaction: the session can't be ended before the transaction's end. It locks in the same order as _delete. Raise SessionInterrupted if it
    was ended.
    """
    if not UserSession.objects.filter(session_key=session_key).select_for_update().values_list("pk"):
        raise SessionInterrupted("The session has been ended")
