"""Web Authentication Level 3: asking a browser for a passkey, and checking what it answers. The state of each question is in the session, and used once.

origin: of the page on which the answer was made, as scheme://host[:port].
"""

import struct
from collections.abc import Mapping
from typing import Any, NoReturn

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth
from django.core.exceptions import ValidationError
from fido2.cose import UnsupportedKey
from fido2.webauthn import CollectedClientData

from dashboard.models import User

# fido2 reads an answer as far as it goes, so what isn't one fails in whichever way the first wrong byte makes it fail.
_MALFORMED = (ArithmeticError, AssertionError, AttributeError, LookupError, NotImplementedError, RecursionError, TypeError, ValueError, struct.error)


def registration_options(user: User) -> dict[str, Any]:
    """§5.4. A passkey that signs in by itself is kept on the device along with the account."""
    return dict(auth.begin_registration(user, passwordless=True))


def authentication_options(user: User | None) -> dict[str, Any]:
    """§5.5. user: None for whoever's passkey it will be."""
    return dict(auth.begin_authentication(user))


def check_registration(user: User, answer: Mapping[str, Any], *, origin: str) -> None:
    """§7.1. Raise ValidationError."""
    try:
        _require_origin(auth.parse_registration_response(answer).response.client_data, origin)
        data = auth.complete_registration(answer)
        # §7.1 step 20: of no algorithm that was asked for.
        if data.credential_data is not None and isinstance(data.credential_data.public_key, UnsupportedKey):
            raise ValueError("The passkey has an unknown algorithm.")
        known = {credential.credential_id for credential in auth.get_credentials(user)}
    except (*_MALFORMED, ValidationError) as error:
        _refuse("That passkey can’t be added: its answer is malformed, or came too late. Try again.", error)
    if data.credential_data is None or data.credential_data.credential_id in known:
        raise ValidationError("This passkey was registered before.", code="known_passkey")


def check_authentication(user: User | None, answer: Mapping[str, Any], *, origin: str) -> Any:
    """§7.2. The passkey; user: None for whoever it belongs to. Raise ValidationError."""
    try:
        _require_origin(auth.parse_authentication_response(answer).response.client_data, origin)
        owner = user or auth.extract_user_from_response(answer)
        passkey = auth.complete_authentication(owner, answer)
    except (*_MALFORMED, ValidationError) as error:
        _refuse("That passkey isn’t known here, or its answer came too late. Try again or use your password.", error)
    return Authenticator.objects.select_related("user").get(pk=passkey.pk)


def _require_origin(seen: CollectedClientData, origin: str) -> None:
    """§7.1 steps 9 to 11, §7.2 steps 12 to 14. Raise ValueError. The library asks no more than that the host ends in ours: a page on another port, under a name
    below ours or in a frame may be somebody else's.
    """
    if seen.origin != origin or seen.cross_origin is not False:
        raise ValueError("The answer was made on a page of another origin.")


def _refuse(text: str, error: Exception) -> NoReturn:
    # A question that was answered wrongly isn't answered again.
    auth.clear_state()
    raise ValidationError(text, code="refused_passkey") from error
