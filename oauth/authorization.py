"""/oauth2/authorize: the authorization endpoint, RFC 6749 §3.1. People don't sign in here, so it refuses every request.

It exists because MCP client libraries refuse metadata without an authorization endpoint, even if response_types_supported is empty (RFC 8414 §2). It reads only
the request's Accept header, never redirects and repeats nothing of the request, because no client here has a checked redirect_uri.
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
