"""Paths of the protocol. Our server serves them through oauth.asgi; any other server and Django's test client use these URLs."""

import re

from django.urls import path, re_path

from oauth import authorization, gateway, introspection, metadata, resource_metadata, revocation, token, whoami
from oauth.endpoint import Endpoint, not_found
from oauth.issuer import issuer_path
from oauth.messages import Request, Response
from oauth.views import view

_METADATA = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")

ENDPOINTS = {
    "/oauth2/authorize": authorization.authorize,
    "/oauth2/token": token.token,
    "/oauth2/introspect": introspection.introspect,
    "/oauth2/revoke": revocation.revoke,
    **dict.fromkeys(_METADATA, metadata.metadata),
    resource_metadata.PREFIX: resource_metadata.resource_metadata,
    "/.well-known/jwks.json": metadata.jwks,
    "/api/v1/whoami": whoami.whoami,
}

_PREFIXES = ("/oauth2/", "/gateway/", "/.well-known/")


def find_endpoint(path: str) -> Endpoint:
    """The endpoint at a protocol path; not_found if there is none."""
    found = ENDPOINTS.get(path)
    if found is not None:
        return found
    if gateway.is_verify_path(path):
        return gateway.verify
    if resource_metadata.is_path(path):
        return resource_metadata.resource_metadata
    # RFC 8414 §3.1: the issuer's path comes last.
    if path in [known + issuer_path() for known in _METADATA]:
        return metadata.metadata
    return not_found


def is_protocol_path(path: str) -> bool:
    """Whether the path is the protocol's, even if it names no endpoint."""
    return _is_own(path) or _is_own(cut_issuer_path(path))


def cut_issuer_path(path: str) -> str:
    """Cut off the path of ISSUER_URL if the rest is a path of the protocol: some proxies remove it, others leave it."""
    if path in ENDPOINTS:
        return path
    issuer = issuer_path()
    rest = path.removeprefix(issuer)
    return rest if issuer and _is_own(rest) else path


def _is_own(path: str) -> bool:
    return path.startswith(_PREFIXES) or path in ENDPOINTS


def _dispatch(request: Request) -> Response:
    return find_endpoint(request.path)(request)


urlpatterns = [
    *(path(location.removeprefix("/"), view(endpoint), name=endpoint.__name__) for location, endpoint in ENDPOINTS.items()),
    *(re_path(f"^{re.escape(prefix.removeprefix('/'))}", view(_dispatch)) for prefix in _PREFIXES),
]
