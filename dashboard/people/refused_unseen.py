"""Sign-ins that are refused before Django sees them: Django would take 5 ms for the page and block its threads for others, so that a flood would do more harm.

Without Django, we know the address, whether it has failed too often, whether somebody signed in with this browser before, and whether strangers have all places
in the queue for passwords. Other sign-ins are checked again by dashboard.people.throttling.attempt, which makes the final decision.
"""

from typing import Any

from django.urls import reverse
from django.utils import timezone

from dashboard.people import known_devices
from dashboard.people.refusal import Refusal
from dashboard.people.throttling import refuse_unseen
from dashboard.server.cookies import find_cookie

# The paths of sign-ins, and whether each takes a password.
_SIGN_IN = {reverse("account_login"): True, reverse("mfa_login_webauthn"): False, reverse("mfa_authenticate"): False}


def refuse_sign_in(scope: Any) -> Refusal | None:
    """scope: ASGI's, with the connection. A plain-HTTP request is left to the check that refuses it for that."""
    takes_password = _SIGN_IN.get(scope["path"])
    connection = scope["state"]["connection"]
    if takes_password is None or scope["method"] != "POST" or not connection.is_secure:
        return None
    return refuse_unseen(connection.remote_address, is_known=is_known(scope), takes_password=takes_password, now=timezone.now())


def is_known(scope: Any) -> bool:
    """Whether somebody has signed in with this browser before. scope: ASGI's."""
    return bool(known_devices.accounts_in(find_cookie(scope["headers"], known_devices.COOKIE, r"[\w:.-]+")))
