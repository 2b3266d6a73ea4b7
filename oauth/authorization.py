"""/oauth2/authorize: the authorization endpoint, RFC 6749 §3.1, of a server at which nobody signs in.

It is there because client libraries of MCP refuse metadata that names none, beside the empty response_types_supported (RFC 8414 §2). It reads nothing of the
request but Accept, never redirects and repeats nothing: there is no client here whose redirect_uri anybody has checked.
"""

from functools import lru_cache

from django.template.loader import render_to_string

from oauth.endpoint import endpoint
from oauth.errors import UnsupportedResponseTypeError
from oauth.messages import NO_STORE, Request, Response

_PAGE_HEADERS = (
    ("Content-Type", "text/html; charset=utf-8"),
    *NO_STORE,
    ("Vary", "Accept"),
    ("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
)


@endpoint("authorize", methods=None)
def authorize(request: Request) -> Response:
    if "text/html" in request.headers.get("accept", "").lower():
        return Response(UnsupportedResponseTypeError.status, _page(), _PAGE_HEADERS)
    raise UnsupportedResponseTypeError


@lru_cache(maxsize=1)
def _page() -> bytes:
    return render_to_string("authorize.html", {"error": UnsupportedResponseTypeError.error}).encode()
