"""Authorization server metadata, RFC 8414, and the JWKS, RFC 7517. Public, so open to every origin (CORS)."""

from functools import lru_cache

from django.conf import settings

from clients.models import Client
from oauth.endpoint import endpoint
from oauth.jose import SIGNATURE_ALGORITHMS
from oauth.lookup import find_published_kids
from oauth.messages import Request, Response
from oauth.models import SigningKey
from oauth.services import JWKS_MAX_AGE

METADATA_MAX_AGE = 3600


def public_headers(max_age: int) -> tuple[tuple[str, str], ...]:
    return (("Cache-Control", f"public, max-age={max_age}"), ("Access-Control-Allow-Origin", "*"))


@endpoint("metadata", methods=("GET", "HEAD"), is_for_every_origin=True)
def metadata(_request: Request) -> Response:
    """RFC 8414 §2, RFC 8705 §3.3, RFC 9449 §5.1.

    mtls_endpoint_aliases (RFC 8705 §5) is for endpoints that ask for certificates at another host. Ours ask at the same host, so there are none.
    """
    return _describe(settings.ISSUER_URL)


@lru_cache(maxsize=1)
def _describe(issuer: str) -> Response:
    methods = Client.AuthMethod.values
    return Response.json(
        {
            "issuer": issuer,
            # People don't sign in there, but MCP client libraries refuse metadata without it. They also request every scope in scopes_supported, so it is left
            # out.
            "authorization_endpoint": f"{issuer}/oauth2/authorize",
            "token_endpoint": f"{issuer}/oauth2/token",
            "introspection_endpoint": f"{issuer}/oauth2/introspect",
            "revocation_endpoint": f"{issuer}/oauth2/revoke",
            "jwks_uri": f"{issuer}/.well-known/jwks.json",
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": [],
            "token_endpoint_auth_methods_supported": methods,
            "introspection_endpoint_auth_methods_supported": methods,
            "revocation_endpoint_auth_methods_supported": methods,
            "token_endpoint_auth_signing_alg_values_supported": SIGNATURE_ALGORITHMS,
            "introspection_endpoint_auth_signing_alg_values_supported": SIGNATURE_ALGORITHMS,
            "revocation_endpoint_auth_signing_alg_values_supported": SIGNATURE_ALGORITHMS,
            "dpop_signing_alg_values_supported": SIGNATURE_ALGORITHMS,
            "tls_client_certificate_bound_access_tokens": True,
        },
        headers=public_headers(METADATA_MAX_AGE),
    )


@endpoint("jwks", methods=("GET", "HEAD"), is_for_every_origin=True)
def jwks(request: Request) -> Response:
    """Keys that sign, will sign, or signed a token that may still be valid. A verifier that caches the JWKS for max-age never sees an unknown kid."""
    return _write_keys(find_published_kids(request.now))


@lru_cache(maxsize=4)
def _write_keys(kids: tuple[str, ...]) -> Response:
    """Which keys are published is read for each request; the key under a kid never changes."""
    jwks = {key.kid: key.public_jwk for key in SigningKey.objects.filter(kid__in=kids)}
    return Response.json({"keys": [jwks[kid] for kid in kids]}, headers=public_headers(int(JWKS_MAX_AGE.total_seconds())))
