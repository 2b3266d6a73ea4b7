"""An account's passkeys, one-time codes and recovery codes: every change, each with its audit event.

They are stored in django-allauth's rows: secrets are encrypted (dashboard.people.account_adapter), recovery codes are hashed. Passkeys and one-time codes are
strong factors; recovery codes are for users who have lost those. They come with the first strong factor and are removed with the last. Each change is counted
(dashboard.people.quotas.refuse_factor_change) and raises ValidationError beyond the limit.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.text import get_text_list

from clients.services.audit import Actor
from clients.services.entered_values import clean_text
from dashboard.models import User
from dashboard.people import quotas, recovery_codes, user_sessions
from dashboard.people.account_events import record
from dashboard.people.one_time_codes import find_counter

MAX_PASSKEYS = 20
# Wrong codes in a row. 3 of a million codes are valid, so guessing for months would succeed; the owner has other ways to sign in.
MAX_WRONG_CODES = 100
MORE_AFTER_RESET = 10

_SPACES = re.compile(r"[\s-]")
# The key in a row's data for the time step of the newest one-time code that was accepted. RFC 6238 §5.2: neither it nor an older one is accepted after it.
_STEP = "step"
# The key in a row's data for the number of wrong one-time codes since the owner last signed in.
_WRONG = "wrong"
# The key for the time at which a password reset last allowed more.
_ALLOWED_AT = "allowed_at"
_ALLOWED_EVERY = timedelta(days=1)
_TOTP, _PASSKEY, _RECOVERY = Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN, Authenticator.Type.RECOVERY_CODES
STRONG = (_TOTP, _PASSKEY)


def of(user: User, *types: str) -> Any:
    """The user's factors of those types, oldest first."""
    return Authenticator.objects.filter(user=user, type__in=types or Authenticator.Type.values).order_by("pk")


def has_strong(user: User) -> bool:
    return bool(of(user, *STRONG).exists())


def name_of(passkey: Any) -> str:
    return str(passkey.data["name"])


@dataclass(frozen=True, slots=True)
class Added:
    """recovery_codes: they come with the first strong factor. sessions_ended: the number of other sessions that ended, also only with the first."""

    factor: Any
    recovery_codes: list[str]
    sessions_ended: int


def add_passkey(*, user: User, name: str, credential: Mapping[str, Any], kept: str = "", actor: Actor, now: datetime) -> Added:
    """credential: a checked registration response. kept: the key of the current session, which stays if others end; "" for none.

    Raise SessionInterrupted if that session was ended meanwhile.
    """
    named = clean_text(name or "Passkey", field="name", max_length=100)
    _count_change(user, now=now)
    recovery = _make_first_recovery_codes(user)
    with transaction.atomic():
        _lock(user, kept)
        if of(user, _PASSKEY).count() >= MAX_PASSKEYS:
            raise ValidationError(f"You have {MAX_PASSKEYS} passkeys. Remove one first.", code="too_many")
        ended = _end_other_sessions(user, kept)
        passkey = Authenticator.objects.create(user=user, type=_PASSKEY, data={"name": named, "credential": dict(credential)}, created_at=now)
        record("user.passkey_added", user, actor=actor, now=now, after={"name": named, **ended})
        return Added(passkey, _insert_recovery_codes(user, recovery, actor=actor, now=now), ended.get("sessions_ended", 0))


def rename_passkey(*, passkey: Any, name: str, actor: Actor, now: datetime) -> None:
    named = clean_text(name, field="name", max_length=100)
    with transaction.atomic():
        present = Authenticator.objects.select_for_update().select_related("user").get(pk=passkey.pk)
        before = name_of(present)
        if before == named:
            return
        present.data["name"] = named
        present.save(update_fields=["data"])
        record("user.passkey_renamed", present.user, actor=actor, now=now, before={"name": before}, after={"name": named})


def remove_passkey(*, user: User, passkey: Any, actor: Actor, now: datetime) -> None:
    """Raise ValidationError if it is the last second factor and a workspace requires one, Authenticator.DoesNotExist if it has already been removed."""
    _count_change(user, now=now)
    _remove(user, of(user, _PASSKEY).filter(pk=passkey.pk), "user.passkey_removed", actor=actor, now=now)


def turn_on_one_time_codes(*, user: User, secret: str, code: str, kept: str = "", actor: Actor, now: datetime) -> Added:
    """secret: base32, as in the person's app. code: one of its codes, which this uses up. kept: as in add_passkey.

    Raise ValidationError for a wrong code, and if they are already on; SessionInterrupted like add_passkey.
    """
    counter = find_counter(secret, code)
    if counter is None:
        raise ValidationError("This code is wrong. Codes change every 30 s: enter the current one.", code="incorrect_code")
    _count_change(user, now=now)
    recovery = _make_first_recovery_codes(user)
    with transaction.atomic():
        _lock(user, kept)
        if of(user, _TOTP).exists():
            raise ValidationError("One-time codes are already on. To use another app, turn them off first.", code="already_on")
        ended = _end_other_sessions(user, kept)
        factor = Authenticator.objects.create(user=user, type=_TOTP, data={"secret": get_adapter().encrypt(secret), _STEP: counter}, created_at=now)
        record("user.one_time_codes_on", user, actor=actor, now=now, after=ended or None)
        return Added(factor, _insert_recovery_codes(user, recovery, actor=actor, now=now), ended.get("sessions_ended", 0))


def turn_off_one_time_codes(*, user: User, actor: Actor, now: datetime) -> None:
    """Raise like remove_passkey."""
    _count_change(user, now=now)
    _remove(user, of(user, _TOTP), "user.one_time_codes_off", actor=actor, now=now)


def make_recovery_codes(*, user: User, kept: str = "", actor: Actor, now: datetime) -> Added:
    """Make new codes; the old ones stop working. kept: as in add_passkey. Raise ValidationError if there is no strong factor; SessionInterrupted like
    add_passkey.
    """
    _count_change(user, now=now)
    made = recovery_codes.make() if has_strong(user) else None
    with transaction.atomic():
        _lock(user, kept)
        if made is None or not has_strong(user):
            raise ValidationError("Add a passkey or turn on one-time codes first. Recovery codes come with them.", code="no_factor")
        of(user, _RECOVERY).delete()
        codes = _insert_recovery_codes(user, made, actor=actor, now=now)
        return Added(of(user, _RECOVERY).get(), codes, 0)


def _count_change(user: User, *, now: datetime) -> None:
    """Call it outside the change's transaction. Raise ValidationError if there were too many: each is an event and an email, and codes need hashing."""
    if refusal := quotas.refuse_factor_change(user, now=now):
        raise ValidationError(refusal.text, code="too_many_changes")


def use_code(*, user: User, code: str, actor: Actor, now: datetime) -> Any | None:
    """The factor that a one-time or recovery code belongs to, or None for a wrong or used code. This uses up the code, over all workers and nodes.

    Raise clients.secret.HashingBusyError if a recovery code can't be checked now.
    """
    if is_one_time_code(code):
        return _use_one_time_code(user, _SPACES.sub("", code), actor=actor, now=now)
    written = recovery_codes.normalize(code)
    return _use_recovery_code(user, written, actor=actor, now=now) if written else None


def is_one_time_code(code: str) -> bool:
    """Whether the code has the format of a one-time code."""
    return re.fullmatch(r"[0-9]{6}", _SPACES.sub("", code)) is not None


def are_one_time_codes_locked(user: User) -> bool:
    factor = of(user, _TOTP).first()
    return factor is not None and _is_locked(factor)


def count_wrong_one_time_code(*, user: User, actor: Actor, now: datetime) -> bool:
    """Returns whether this one locks them: then no code is accepted until the owner uses a passkey or a recovery code, or resets the password (at most once a
    day).
    """
    with transaction.atomic():
        factor = of(user, _TOTP).select_for_update().first()
        if factor is None or _is_locked(factor):
            return False
        factor.data[_WRONG] = factor.data.get(_WRONG, 0) + 1
        factor.save(update_fields=["data"])
        if not _is_locked(factor):
            return False
        record("user.one_time_codes_locked", user, actor=actor, now=now, after={"wrong_codes": MAX_WRONG_CODES})
    return True


def forget_wrong_one_time_codes(*, user: User, actor: Actor, now: datetime) -> None:
    """Call it when the user has proved that they are the owner."""
    with transaction.atomic():
        factor = of(user, _TOTP).select_for_update().first()
        if factor is None or _WRONG not in factor.data:
            return
        was_locked = _is_locked(factor)
        del factor.data[_WRONG]
        factor.save(update_fields=["data"])
        if was_locked:
            record("user.one_time_codes_unlocked", user, actor=actor, now=now)


def allow_few_one_time_codes(*, user: User, actor: Actor, now: datetime) -> None:
    """After a password reset, allow a few more attempts once a day if codes are locked. A reset only shows that somebody reads the account's mail, so the
    wrong codes aren't forgotten: otherwise that person could guess forever.
    """
    with transaction.atomic():
        factor = of(user, _TOTP).select_for_update().first()
        if factor is None or not _is_locked(factor) or factor.data.get(_ALLOWED_AT, 0) > (now - _ALLOWED_EVERY).timestamp():
            return
        factor.data.update({_WRONG: MAX_WRONG_CODES - MORE_AFTER_RESET, _ALLOWED_AT: now.timestamp()})
        factor.save(update_fields=["data"])
        record("user.one_time_codes_unlocked", user, actor=actor, now=now, after={"codes": MORE_AFTER_RESET})


def record_use(*, factor: Any, actor: Actor, now: datetime) -> None:
    """Record the factor's last use, with time and address."""
    with transaction.atomic():
        forget_wrong_one_time_codes(user=factor.user, actor=actor, now=now)
        present = Authenticator.objects.select_for_update().get(pk=factor.pk)
        present.last_used_at = now
        present.data["last_used_from"] = actor.address or ""
        present.save(update_fields=["last_used_at", "data"])


def _is_locked(factor: Any) -> bool:
    return bool(factor.data.get(_WRONG, 0) >= MAX_WRONG_CODES)


def _use_one_time_code(user: User, code: str, *, actor: Actor, now: datetime) -> Any | None:
    factor = of(user, _TOTP).first()
    counter = find_counter(get_adapter().decrypt(factor.data["secret"]), code) if factor and not _is_locked(factor) else None
    if counter is None:
        return None
    with transaction.atomic():
        # The factor may have been replaced since the code was checked.
        present = of(user, _TOTP).select_for_update().filter(pk=factor.pk).first()
        if present is None or present.data.get(_STEP, 0) >= counter:
            return None
        present.data[_STEP] = counter
        present.save(update_fields=["data"])
        record_use(factor=present, actor=actor, now=now)
    return present


def _use_recovery_code(user: User, code: str, *, actor: Actor, now: datetime) -> Any | None:
    factor = of(user, _RECOVERY).first()
    place = recovery_codes.find_place(code, factor.data) if factor else None
    if place is None:
        return None
    with transaction.atomic():
        present = of(user, _RECOVERY).select_for_update().first()
        # The code was used, or replaced by new codes, since it was checked.
        if present is None or present.data["hashes"][place] != factor.data["hashes"][place]:
            return None
        present.data["hashes"][place] = None
        present.save(update_fields=["data"])
        record_use(factor=present, actor=actor, now=now)
        record("user.recovery_code_used", user, actor=actor, now=now, after={"left": recovery_codes.count_left(present.data)})
    return present


def _lock(user: User, session_key: str = "") -> None:
    """Makes changes of one account's factors wait for each other. session_key: of the session that makes the change, "" for none.

    Hashing ten recovery codes takes a long time, so the owner may have ended the session meanwhile: then raise SessionInterrupted.
    """
    User.objects.select_for_update().get(pk=user.pk)
    if session_key:
        user_sessions.require_open(session_key)


def _end_other_sessions(user: User, kept: str) -> dict[str, int]:
    """End them only for the first strong factor. Returns the event's facts about it."""
    return {} if has_strong(user) else {"sessions_ended": user_sessions.delete_sessions(user, kept=kept)}


def _remove(user: User, found: Any, event: str, *, actor: Actor, now: datetime) -> None:
    with transaction.atomic():
        _lock(user)
        factor = found.get()
        after = {"name": name_of(factor)} if factor.type == _PASSKEY else None
        if not of(user, *STRONG).exclude(pk=factor.pk).exists():
            _refuse_where_demanded(user)
            of(user, _RECOVERY).delete()
        factor.delete()
        record(event, user, actor=actor, now=now, before=after)


def _refuse_where_demanded(user: User) -> None:
    names = list(
        user.memberships.filter(workspace__access_policy__requires_second_factor=True).order_by("workspace__name").values_list("workspace__name", flat=True)[:5]
    )
    if names:
        verb = "requires" if len(names) == 1 else "require"
        raise ValidationError(
            f"{get_text_list(names, 'and')} {verb} a second factor, and this is your last one. Add another one first.",
            code="last_factor",
        )


def _make_first_recovery_codes(user: User) -> tuple[list[str], dict[str, Any]] | None:
    return None if of(user, _RECOVERY).exists() else recovery_codes.make()


def _insert_recovery_codes(user: User, made: tuple[list[str], dict[str, Any]] | None, *, actor: Actor, now: datetime) -> list[str]:
    """made: from recovery_codes.make, called before the transaction; None for none. They come with the first strong factor."""
    if made is None or of(user, _RECOVERY).exists():
        return []
    codes, data = made
    Authenticator.objects.create(user=user, type=_RECOVERY, data=data, created_at=now)
    record("user.recovery_codes_made", user, actor=actor, now=now, after={"codes": len(codes)})
    return codes
