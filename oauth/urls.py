"""Paths of the protocol. oauth.asgi serves them straight from the server, these URLs any other server and Django's test client."""

import re

from django.urls import path, re_path

from oauth import authorization, gateway, introspection, metadata, revocation, token, whoami
from oauth.endpoint import Endpoint, Request, Response, not_found
from oauth.views import view

ENDPOINTS = {
    "/oauth2/authorize": authorization.authorize,
    "/oauth2/token": token.token,
    "/oauth2/introspect": introspection.introspect,
    "/oauth2/revoke": revocation.revoke,
    "/.well-known/oauth-authorization-server": metadata.metadata,
    "/.well-known/openid-configuration": metadata.metadata,
    "/.well-known/jwks.json": metadata.jwks,
    "/api/v1/whoami": whoami.whoami,
}

_PREFIXES = ("/oauth2/", "/gateway/", "/.well-known/")


def find_endpoint(path: str) -> Endpoint:
    """The endpoint at a path of the protocol; not_found where there is none."""
    return ENDPOINTS.get(path) or (gateway.verify if gateway.is_verify_path(path) else not_found)


def is_protocol_path(path: str) -> bool:
    """Whether it is the protocol's, also where it names no endpoint."""
    return path.startswith(_PREFIXES) or path in ENDPOINTS


def _dispatch(request: Request) -> Response:
    return find_endpoint(request.path)(request)


urlpatterns = [
    *(path(location.removeprefix("/"), view(endpoint), name=endpoint.__name__) for location, endpoint in ENDPOINTS.items()),
    *(re_path(f"^{re.escape(prefix.removeprefix('/'))}", view(_dispatch)) for prefix in _PREFIXES),
]
