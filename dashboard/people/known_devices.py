"""Which browsers somebody signed in from before: a signed cookie names the accounts, so nothing has to be kept and no address decides."""

from django.core import signing
from django.http import HttpRequest, HttpResponse

from dashboard.models import User

COOKIE = "__Host-known"
_SALT = "dashboard.people.known_devices"
_MOST_ACCOUNTS = 10
_YEAR = 365 * 24 * 3600


def accounts_of(request: HttpRequest) -> list[int]:
    return accounts_in(request.COOKIES.get(COOKIE, ""))


def accounts_in(cookie: str) -> list[int]:
    try:
        return list(signing.loads(cookie, salt=_SALT, max_age=_YEAR))
    except signing.BadSignature:
        return []


def is_known(request: HttpRequest, user: User) -> bool:
    return user.pk in accounts_of(request)


def remember(request: HttpRequest, response: HttpResponse, user: User) -> None:
    accounts = [user.pk, *accounts_of(request)][:_MOST_ACCOUNTS]
    response.set_cookie(COOKIE, signing.dumps(accounts, salt=_SALT), max_age=_YEAR, secure=True, httponly=True, samesite="Lax")
