"""Web Authentication Level 3: asks a browser for a passkey, and checks the response.

The browser keeps its challenge. It can be answered once, only for the same purpose and, if they are known, by the same user in the same session.

The responses are read by private parts of django-allauth in version 65.21, which no other file imports; see “django-allauth” in pyproject.toml.
"""

import struct
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any, NoReturn

from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from fido2.cose import UnsupportedKey
from fido2.webauthn import AuthenticatorData, CollectedClientData, ResidentKeyRequirement, UserVerificationRequirement

from dashboard.models import User
from dashboard.people import kept_by_browser, user_sessions
from dashboard.people.caller import origin_of
from oauth.replay import mark_used

COOKIE = "__Host-passkey"

# fido2 parses a response as far as it can, so a malformed one may raise any of these at the first wrong byte.
_MALFORMED = (ArithmeticError, AssertionError, AttributeError, LookupError, NotImplementedError, RecursionError, TypeError, ValueError, struct.error)


class Purpose(Enum):
    """The purpose of a challenge. A response counts for no other purpose."""

    SIGN_IN = "sign in"
    SECOND_FACTOR = "second factor"
    CONFIRM = "confirm"
    ADD = "add"


def registration_options(request: HttpRequest, user: User) -> dict[str, Any]:
    """§5.4. A passkey that signs in by itself is stored on the device together with the account."""
    options, question = auth.get_server().register_begin(
        user=auth.build_user_payload(user),
        credentials=auth.get_credentials(user),
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=UserVerificationRequirement.REQUIRED,
        extensions=auth.EXTENSIONS,
    )
    return _ask(request, options, question, Purpose.ADD, user)


def authentication_options(request: HttpRequest, user: User | None, *, purpose: Purpose) -> dict[str, Any]:
    """§5.5. user: None for any user's passkey."""
    verification = UserVerificationRequirement(app_settings.WEBAUTHN_USER_VERIFICATION) if user is not None else UserVerificationRequirement.REQUIRED
    credentials = auth.get_credentials(user) if user is not None else []
    options, question = auth.get_server().authenticate_begin(credentials=credentials, user_verification=verification)
    return _ask(request, options, question, purpose, user)


def _ask(request: HttpRequest, options: Any, question: Mapping[str, Any], purpose: Purpose, user: User | None) -> dict[str, Any]:
    kept_by_browser.keep(request, COOKIE, {**question, "bound_to": _bind(request, purpose, user)})
    return dict(options)


def _bind(request: HttpRequest, purpose: Purpose, user: User | None) -> list[Any]:
    """The facts that the response is bound to. A sign-in without a known user isn't bound to a session: it has none, or gets another one at its end."""
    return [purpose.value] if user is None else [purpose.value, user.pk, user_sessions.find_own(request)]


def check_registration(request: HttpRequest, user: User, answer: Mapping[str, Any], *, now: datetime) -> None:
    """§7.1. Raise ValidationError."""
    try:
        _require_origin(auth.parse_registration_response(answer).response.client_data, origin_of(request))
        question = _read_question(request, Purpose.ADD, user)
        data = auth.get_server().register_complete(question, answer)
        _require_possible(data)
        # §7.1 step 20: its algorithm isn't one of the requested ones.
        if data.credential_data is not None and isinstance(data.credential_data.public_key, UnsupportedKey):
            raise ValueError("The passkey has an unknown algorithm.")
        known = {credential.credential_id for credential in auth.get_credentials(user)}
        _use(question, user, now)
    except (*_MALFORMED, ValidationError) as error:
        _refuse("That passkey can’t be added: its response is malformed or came too late. Try again.", error)
    if data.credential_data is None or data.credential_data.credential_id in known:
        raise ValidationError("This passkey is already registered.", code="known_passkey")


def check_authentication(request: HttpRequest, user: User | None, answer: Mapping[str, Any], *, purpose: Purpose, now: datetime) -> tuple[Any, int]:
    """§7.2. Returns the passkey and the signature counter in its response, which isn't checked here. user: None for any user's. Raise ValidationError."""
    try:
        response = auth.parse_authentication_response(answer).response
        _require_origin(response.client_data, origin_of(request))
        owner, question = user or auth.extract_user_from_response(answer), _read_question(request, purpose, user)
        _require_possible(response.authenticator_data)
        found = auth.get_server().authenticate_complete(question, auth.get_credentials(owner), answer)
        passkey = auth.get_authenticator_by_credential_id(owner, found.credential_id)
        _use(question, owner, now)
    except (*_MALFORMED, ValidationError) as error:
        _refuse("That passkey isn’t known here, or its response came too late. Try again or use your password.", error)
    return Authenticator.objects.select_related("user").get(pk=passkey.pk), response.authenticator_data.counter


def _read_question(request: HttpRequest, purpose: Purpose, user: User | None) -> dict[str, Any]:
    """Raise ValueError if this browser has no challenge, or its challenge is old or for another purpose."""
    question = kept_by_browser.find(request, COOKIE)
    if question is None or question.pop("bound_to") != _bind(request, purpose, user):
        raise ValueError("The challenge wasn't issued to this browser.")
    return question


def _use(question: Mapping[str, Any], user: User, now: datetime) -> None:
    """Raise ValueError if it was answered before, so that a response can't be replayed."""
    if not mark_used("passkey", str(user.pk), question["challenge"], expires_at=int(now.timestamp()) + kept_by_browser.SECONDS, now=now):
        raise ValueError("The challenge was answered before.")


def _require_origin(seen: CollectedClientData, origin: str) -> None:
    """§7.1 steps 9 to 11, §7.2 steps 12 to 14. Raise ValueError. The library only checks that the host ends in ours, but a page on another port, under a
    subdomain or in a frame may be somebody else's.
    """
    if seen.origin != origin or seen.cross_origin is not False:
        raise ValueError("The response was made on a page of another origin.")


def _require_possible(data: AuthenticatorData) -> None:
    """§7.1 step 18, §7.2 step 19. Raise ValueError for a passkey that is backed up though it says that it may not be."""
    if data.flags & AuthenticatorData.FLAG.BS and not data.flags & AuthenticatorData.FLAG.BE:
        raise ValueError("The flags contradict each other.")


def _refuse(text: str, error: Exception) -> NoReturn:
    raise ValidationError(text, code="refused_passkey") from error
