"""Recognises browsers from which a person has signed in before: a signed cookie names the accounts, so they needn't be stored, and addresses don't matter.

For each account, the cookie contains a value that changes with the password: after a new password, every browser is new again.
"""

from typing import Any

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare, salted_hmac

from dashboard.models import User

COOKIE = "__Host-known"
_SALT = "dashboard.people.known_devices"
_MAX_ACCOUNTS = 10
_YEAR = 365 * 24 * 3600


def accounts_of(request: HttpRequest) -> list[int]:
    return accounts_in(request.COOKIES.get(COOKIE, ""))


def accounts_in(cookie: str) -> list[int]:
    """The accounts in the cookie, including those whose password has changed since."""
    return list(_read(cookie))


def _read(cookie: str) -> dict[int, str]:
    """Account → state. An older cookie names only accounts."""
    try:
        content: list[Any] = signing.loads(cookie, salt=_SALT, max_age=_YEAR)
    except signing.BadSignature:
        return {}
    return {one[0]: one[1] for one in (entry if isinstance(entry, list) else (entry, "") for entry in content)}


def is_known(request: HttpRequest, user: User) -> bool:
    return constant_time_compare(_read(request.COOKIES.get(COOKIE, "")).get(user.pk, ""), _state_of(user))


def remember(request: HttpRequest, response: HttpResponse, user: User) -> None:
    others = {pk: state for pk, state in _read(request.COOKIES.get(COOKIE, "")).items() if pk != user.pk}
    accounts = [(user.pk, _state_of(user)), *others.items()][:_MAX_ACCOUNTS]
    response.set_cookie(COOKIE, signing.dumps(accounts, salt=_SALT), max_age=_YEAR, secure=True, httponly=True, samesite="Lax")


def _state_of(user: User) -> str:
    return salted_hmac(_SALT, f"{user.pk} {user.get_session_auth_hash()}", algorithm="sha256").hexdigest()[:32]
