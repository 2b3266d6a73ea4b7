"""Passkeys, one-time codes and recovery codes of an account: every change, each with its audit event.

Kept in django-allauth's rows, secrets encrypted (dashboard.people.account_adapter). Passkeys and one-time codes are strong factors; recovery codes are the way
back for whoever has lost them, come with the first and go with the last.
"""

import hmac
import re
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.mfa.utils import decrypt, encrypt
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.text import get_text_list

from clients.services.audit import Actor
from clients.services.validation import clean_text
from dashboard.models import User
from dashboard.people.account_events import record
from oauth.replay import mark_used

MOST_PASSKEYS = 20
RECOVERY_CODES = 10
PERIOD = 30

_TOTP, _PASSKEY, _RECOVERY = Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN, Authenticator.Type.RECOVERY_CODES
STRONG = (_TOTP, _PASSKEY)


def of(user: User, *types: str) -> Any:
    """The query of those, oldest first."""
    return Authenticator.objects.filter(user=user, type__in=types or Authenticator.Type.values).order_by("pk")


def has_strong(user: User) -> bool:
    return bool(of(user, *STRONG).exists())


def count_recovery_codes(recovery: Any) -> int:
    """How many are left."""
    return RECOVERY_CODES - int(recovery.data["used_mask"]).bit_count()


def name_of(passkey: Any) -> str:
    return str(passkey.data["name"])


def add_passkey(*, user: User, name: str, credential: Mapping[str, Any], actor: Actor, now: datetime) -> tuple[Any, list[str]]:
    """credential: a checked answer to a registration. Returns it, and the recovery codes where it is the first strong factor."""
    named = clean_text(name or "Passkey", field="name", max_length=100)
    with transaction.atomic():
        _lock(user)
        if of(user, _PASSKEY).count() >= MOST_PASSKEYS:
            raise ValidationError(f"You have {MOST_PASSKEYS} passkeys. Remove one first.", code="too_many")
        passkey = Authenticator.objects.create(user=user, type=_PASSKEY, data={"name": named, "credential": dict(credential)}, created_at=now)
        record("user.passkey_added", user, actor=actor, now=now, after={"name": named})
        return passkey, _make_first_recovery_codes(user, actor=actor, now=now)


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
    """Raise ValidationError where a workspace demands a second factor and it is the last, Authenticator.DoesNotExist where it is gone already."""
    _remove(user, of(user, _PASSKEY).filter(pk=passkey.pk), "user.passkey_removed", actor=actor, now=now)


def turn_on_one_time_codes(*, user: User, secret: str, code: str, actor: Actor, now: datetime) -> list[str]:
    """secret: base32, as the person's app has it. code: one of it, which is used by this. Returns recovery codes where it is the first strong factor.

    Raise ValidationError for a wrong code, and where they are on already.
    """
    counter = _find_counter(secret, code)
    if counter is None:
        raise ValidationError("This code is wrong. Codes change every 30 s: enter the newest one.", code="incorrect_code")
    with transaction.atomic():
        _lock(user)
        if of(user, _TOTP).exists():
            raise ValidationError("One-time codes are on already. Turn them off first to use another app.", code="already_on")
        Authenticator.objects.create(user=user, type=_TOTP, data={"secret": encrypt(secret)}, created_at=now)
        _mark(user, counter, now=now)
        record("user.one_time_codes_on", user, actor=actor, now=now)
        return _make_first_recovery_codes(user, actor=actor, now=now)


def turn_off_one_time_codes(*, user: User, actor: Actor, now: datetime) -> None:
    """Raise as remove_passkey."""
    _remove(user, of(user, _TOTP), "user.one_time_codes_off", actor=actor, now=now)


def make_recovery_codes(*, user: User, actor: Actor, now: datetime) -> list[str]:
    """The old ones end. Raise ValidationError where there is no strong factor to recover from."""
    with transaction.atomic():
        _lock(user)
        if not has_strong(user):
            raise ValidationError("Add a passkey or turn on one-time codes first. Recovery codes come with them.", code="no_factor")
        of(user, _RECOVERY).delete()
        return _make_recovery_codes(user, actor=actor, now=now)


def use_code(*, user: User, code: str, actor: Actor, now: datetime) -> Any | None:
    """The factor that a one-time or recovery code belongs to, or None for a wrong or used one. It is used by this, over all workers and nodes."""
    digits = re.sub(r"[\s-]", "", code)
    if re.fullmatch(r"[0-9]{6}", digits):
        return _use_one_time_code(user, digits, actor=actor, now=now)
    if re.fullmatch(r"[0-9]{8}", digits):
        return _use_recovery_code(user, digits, actor=actor, now=now)
    return None


def record_use(*, factor: Any, actor: Actor, now: datetime) -> None:
    """When and from where it was last used."""
    with transaction.atomic():
        present = Authenticator.objects.select_for_update().get(pk=factor.pk)
        present.last_used_at = now
        present.data["last_used_from"] = actor.address or ""
        present.save(update_fields=["last_used_at", "data"])


def _use_one_time_code(user: User, code: str, *, actor: Actor, now: datetime) -> Any | None:
    factor = of(user, _TOTP).first()
    counter = _find_counter(decrypt(factor.data["secret"]), code) if factor else None
    if counter is None:
        return None
    with transaction.atomic():
        if not _mark(user, counter, now=now):
            return None
        record_use(factor=factor, actor=actor, now=now)
    return factor


def _use_recovery_code(user: User, code: str, *, actor: Actor, now: datetime) -> Any | None:
    with transaction.atomic():
        factor = of(user, _RECOVERY).select_for_update().first()
        if factor is None or not RecoveryCodes(factor).validate_code(code):
            return None
        record_use(factor=factor, actor=actor, now=now)
        factor.refresh_from_db()
        record("user.recovery_code_used", user, actor=actor, now=now, after={"left": count_recovery_codes(factor)})
    return factor


def _find_counter(secret: str, code: str) -> int | None:
    """RFC 6238 §4: the time step that a code is of, the present one or MFA_TOTP_TOLERANCE beside it."""
    present = int(time.time()) // PERIOD
    for counter in range(present - settings.MFA_TOTP_TOLERANCE, present + settings.MFA_TOTP_TOLERANCE + 1):
        if hmac.compare_digest(format_hotp_value(hotp_value(secret, counter)).encode(), code.encode("utf-8", "surrogatepass")):
            return counter
    return None


def _mark(user: User, counter: int, *, now: datetime) -> bool:
    """RFC 6238 §5.2: a code is accepted once."""
    ends = (counter + settings.MFA_TOTP_TOLERANCE + 1) * PERIOD
    return mark_used("one-time code", str(user.pk), str(counter), expires_at=ends, now=now)


def _lock(user: User) -> None:
    """So that two changes of one account's factors come one after the other."""
    User.objects.select_for_update().get(pk=user.pk)


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
        verb = "demands" if len(names) == 1 else "demand"
        raise ValidationError(
            f"{get_text_list(names, 'and')} {verb} a second factor, and this is your last. Add another one first.",
            code="last_factor",
        )


def _make_first_recovery_codes(user: User, *, actor: Actor, now: datetime) -> list[str]:
    return [] if of(user, _RECOVERY).exists() else _make_recovery_codes(user, actor=actor, now=now)


def _make_recovery_codes(user: User, *, actor: Actor, now: datetime) -> list[str]:
    data = {"seed": encrypt(RecoveryCodes.generate_seed()), "used_mask": 0}
    codes = RecoveryCodes(Authenticator.objects.create(user=user, type=_RECOVERY, data=data, created_at=now)).generate_codes()
    record("user.recovery_codes_made", user, actor=actor, now=now, after={"codes": len(codes)})
    return list(codes)
