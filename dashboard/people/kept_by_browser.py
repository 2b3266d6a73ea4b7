"""What a browser keeps for us from a page until its answer comes: signed, in a cookie of its own, for ten minutes.

In the session it would be one for all browsers that have the session's cookie: somebody with a copy could push out what the owner answers to, or answer
in the owner's place.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from django.core import signing
from django.http import HttpRequest, HttpResponse

SECONDS = 600
_SameSite = Literal["Lax", "Strict"]
_SALT = "dashboard.people.kept_by_browser"


class KeptByBrowserMiddleware:
    """Gives the browser what keep and forget say of the answer to its request."""

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
    """name: of the cookie. content: nothing that its owner mustn't see, such as a secret that isn't encrypted."""
    request.kept_by_browser[name] = signing.dumps(dict(content), salt=f"{_SALT} {name}", compress=True), samesite  # type: ignore[attr-defined]


def forget(request: HttpRequest, name: str) -> None:
    request.kept_by_browser[name] = None  # type: ignore[attr-defined]


def find(request: HttpRequest, name: str) -> dict[str, Any] | None:
    """None where the browser has none, or has had it for longer."""
    try:
        content: dict[str, Any] = signing.loads(request.COOKIES.get(name, ""), salt=f"{_SALT} {name}", max_age=SECONDS)
    except signing.BadSignature:
        return None
    return content
