"""Checks a passkey's response or a code, for signing in and for “Confirm it’s you”."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone

from clients.secret import HashingBusyError
from dashboard.models import User
from dashboard.people import passkey_counter, passkeys, quotas, recovery_codes, second_factors, throttling
from dashboard.people.caller import actor_of
from dashboard.people.notices import tell

_LOCKED = (
    f"One-time codes are locked after {second_factors.MAX_WRONG_CODES} wrong ones. "
    f"Use a passkey or a recovery code, or reset your password: once a day, that allows {second_factors.MORE_AFTER_RESET} more tries."
)
_COPIED = "This passkey may have been copied, so it was refused. Use another passkey or your password, then remove this passkey."


def check_passkey(request: HttpRequest, user: User | None, form: Any, *, purpose: passkeys.Purpose) -> Any | None:
    """The passkey in form (a PasskeyForm), which is recorded as used; None if it is wrong, with the error in form. user: None for any user's.

    If it may have been copied, its owner gets an email.
    """
    now, actor = timezone.now(), actor_of(request)
    try:
        passkey, counter = passkeys.check_authentication(request, user, form.cleaned_data["credential"], purpose=purpose, now=now)
    except ValidationError as error:
        form.add_error(None, error)
        return None
    if passkey_counter.use_passkey(passkey=passkey, counter=counter, actor=actor, now=now):
        return passkey
    form.add_error(None, _COPIED)
    if quotas.may_warn_of_copy(passkey.pk, now=now):
        passkey_counter.record_refusal(passkey=passkey, counter=counter, actor=actor, now=now)
        tell("passkey_refused", passkey.user, request=request, now=now, name=second_factors.name_of(passkey))
    return None


def check_code(request: HttpRequest, user: User, form: Any) -> Any | None:
    """The factor of form's code, which this uses up; None if it is wrong, with the error in form. If it is a recovery code, its owner gets an email."""
    now, actor = timezone.now(), actor_of(request)
    code: str = form.cleaned_data["code"]
    # A recovery code can't be guessed, so somebody who knows the password must not be able to keep the owner from using one.
    can_be_guessed = second_factors.is_one_time_code(code)
    if can_be_guessed and throttling.has_guessed_too_often(user, now=now):
        form.add_error("code", "Too many wrong codes from many places. Wait 5 min, or use a passkey or a recovery code.")
        return None
    try:
        factor = second_factors.use_code(user=user, code=code, actor=actor, now=now)
    except HashingBusyError:
        form.add_error("code", "Too many codes are being checked. Try again in a few seconds.")
        return None
    if factor is None:
        if can_be_guessed:
            throttling.count_wrong_code(user, now=now)
        if can_be_guessed and second_factors.count_wrong_one_time_code(user=user, actor=actor, now=now):
            tell("one_time_codes_locked", user, request=request, now=now, wrong=second_factors.MAX_WRONG_CODES, more=second_factors.MORE_AFTER_RESET)
        form.add_error("code", _LOCKED if second_factors.are_one_time_codes_locked(user) else "That code is wrong or has been used. Codes change every 30 s.")
    elif factor.type == Authenticator.Type.RECOVERY_CODES:
        tell("recovery_code_used", user, request=request, now=now, left=recovery_codes.count_left(factor.data))
    return factor
