"""Data that a browser keeps for us between a page and its answer: signed, in a separate cookie, for ten minutes.

In the session, all browsers with the session's cookie would share it: somebody with a copy of the cookie could replace the owner's data, or answer in the
owner's place.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from django.core import signing
from django.http import HttpRequest, HttpResponse

SECONDS = 600
_SameSite = Literal["Lax", "Strict"]
_SALT = "dashboard.people.kept_by_browser"


class KeptByBrowserMiddleware:
    """Sets and deletes the cookies of keep and forget on the response."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        cookies: dict[str, tuple[str, _SameSite] | None] = {}
        request.kept_by_browser = cookies  # type: ignore[attr-defined]  # for keep and forget
        response = self.get_response(request)
        for name, kept in cookies.items():
            if kept is None:
                response.delete_cookie(name)
            else:
                value, samesite = kept
                response.set_cookie(name, value, max_age=SECONDS, secure=True, httponly=True, samesite=samesite)
        return response


def keep(request: HttpRequest, name: str, content: Mapping[str, Any], *, samesite: _SameSite = "Strict") -> None:
    """name: the cookie's. content: must not contain anything that its owner mustn't see, such as an unencrypted secret."""
    request.kept_by_browser[name] = signing.dumps(dict(content), salt=f"{_SALT} {name}", compress=True), samesite  # type: ignore[attr-defined]


def forget(request: HttpRequest, name: str) -> None:
    request.kept_by_browser[name] = None  # type: ignore[attr-defined]


def find(request: HttpRequest, name: str) -> dict[str, Any] | None:
    """The content; None if the browser has none, or has had it for too long."""
    try:
        content: dict[str, Any] = signing.loads(request.COOKIES.get(name, ""), salt=f"{_SALT} {name}", max_age=SECONDS)
    except signing.BadSignature:
        return None
    return content
