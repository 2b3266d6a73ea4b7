"""Web Authentication Level 3: asking a browser for a passkey, and checking what it answers.

Each question is in a cookie of the browser that is asked, signed, and is answered once. In the session it would be one for all browsers that have its cookie:
somebody with a copy could ask again and again, so that every answer of the owner's comes too late.
"""

import struct
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NoReturn

from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth
from django.core import signing
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from fido2.cose import UnsupportedKey
from fido2.webauthn import CollectedClientData, ResidentKeyRequirement, UserVerificationRequirement

from dashboard.models import User
from dashboard.people.caller import origin_of
from oauth.replay import mark_used

COOKIE = "__Host-passkey"
# After that one asks again.
QUESTION_SECONDS = 3600
_SALT = "dashboard.people.passkeys"

# fido2 reads an answer as far as it goes, so what isn't one fails in whichever way the first wrong byte makes it fail.
_MALFORMED = (ArithmeticError, AssertionError, AttributeError, LookupError, NotImplementedError, RecursionError, TypeError, ValueError, struct.error)


class PasskeyMiddleware:
    """Gives a browser the question that its page or script asks."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        question = getattr(request, "passkey_question", None)
        if question is not None:
            response.set_cookie(COOKIE, question, max_age=QUESTION_SECONDS, secure=True, httponly=True, samesite="Strict")
        return response


def registration_options(request: HttpRequest, user: User) -> dict[str, Any]:
    """§5.4. A passkey that signs in by itself is kept on the device along with the account."""
    options, question = auth.get_server().register_begin(
        user=auth.build_user_payload(user),
        credentials=auth.get_credentials(user),
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=UserVerificationRequirement.REQUIRED,
        extensions=auth.EXTENSIONS,
    )
    return _ask(request, options, question)


def authentication_options(request: HttpRequest, user: User | None) -> dict[str, Any]:
    """§5.5. user: None for whoever's passkey it will be."""
    verification = UserVerificationRequirement(app_settings.WEBAUTHN_USER_VERIFICATION) if user is not None else UserVerificationRequirement.REQUIRED
    credentials = auth.get_credentials(user) if user is not None else []
    options, question = auth.get_server().authenticate_begin(credentials=credentials, user_verification=verification)
    return _ask(request, options, question)


def _ask(request: HttpRequest, options: Any, question: Mapping[str, Any]) -> dict[str, Any]:
    request.passkey_question = signing.dumps(dict(question), salt=_SALT)  # type: ignore[attr-defined]  # for PasskeyMiddleware
    return dict(options)


def check_registration(request: HttpRequest, user: User, answer: Mapping[str, Any], *, now: datetime) -> None:
    """§7.1. Raise ValidationError."""
    try:
        _require_origin(auth.parse_registration_response(answer).response.client_data, origin_of(request))
        question = _read_question(request)
        data = auth.get_server().register_complete(question, answer)
        # §7.1 step 20: of no algorithm that was asked for.
        if data.credential_data is not None and isinstance(data.credential_data.public_key, UnsupportedKey):
            raise ValueError("The passkey has an unknown algorithm.")
        known = {credential.credential_id for credential in auth.get_credentials(user)}
        _use(question, user, now)
    except (*_MALFORMED, ValidationError) as error:
        _refuse("That passkey can’t be added: its answer is malformed, or came too late. Try again.", error)
    if data.credential_data is None or data.credential_data.credential_id in known:
        raise ValidationError("This passkey was registered before.", code="known_passkey")


def check_authentication(request: HttpRequest, user: User | None, answer: Mapping[str, Any], *, now: datetime) -> Any:
    """§7.2. The passkey; user: None for whoever it belongs to. Raise ValidationError."""
    try:
        _require_origin(auth.parse_authentication_response(answer).response.client_data, origin_of(request))
        owner, question = user or auth.extract_user_from_response(answer), _read_question(request)
        found = auth.get_server().authenticate_complete(question, auth.get_credentials(owner), answer)
        passkey = auth.get_authenticator_by_credential_id(owner, found.credential_id)
        _use(question, owner, now)
    except (*_MALFORMED, ValidationError) as error:
        _refuse("That passkey isn’t known here, or its answer came too late. Try again or use your password.", error)
    return Authenticator.objects.select_related("user").get(pk=passkey.pk)


def _read_question(request: HttpRequest) -> dict[str, Any]:
    """Raise ValueError where this browser was asked nothing, or long ago."""
    try:
        question: dict[str, Any] = signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=QUESTION_SECONDS)
    except signing.BadSignature:
        raise ValueError("This browser was asked nothing.") from None
    return question


def _use(question: Mapping[str, Any], user: User, now: datetime) -> None:
    """Raise ValueError where it was answered before: whoever has seen the answer mustn't send it again."""
    if not mark_used("passkey", str(user.pk), question["challenge"], expires_at=int(now.timestamp()) + QUESTION_SECONDS, now=now):
        raise ValueError("It was answered before.")


def _require_origin(seen: CollectedClientData, origin: str) -> None:
    """§7.1 steps 9 to 11, §7.2 steps 12 to 14. Raise ValueError. The library asks no more than that the host ends in ours: a page on another port, under a name
    below ours or in a frame may be somebody else's.
    """
    if seen.origin != origin or seen.cross_origin is not False:
        raise ValueError("The answer was made on a page of another origin.")


def _refuse(text: str, error: Exception) -> NoReturn:
    raise ValidationError(text, code="refused_passkey") from error
