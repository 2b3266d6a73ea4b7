"""Authorization server metadata, RFC 8414, at both paths."""

import pytest

PATHS = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"]
ISSUER = "https://localhost:8443"
METHODS = ["client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"]
ALGORITHMS = ["ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512", "EdDSA", "Ed25519"]
pytestmark = pytest.mark.django_db


@pytest.mark.rfc("8414", "2")
@pytest.mark.rfc("8414", "3")
@pytest.mark.rfc("8705", "3.3")
@pytest.mark.rfc("8705", "5")
@pytest.mark.rfc("9449", "5.1")
def test_it_says_where_everything_is(send):
    """And what tokens can be bound to. Every origin and cache may read it."""
    answer = send.get(PATHS[0], headers={"Origin": "https://app.example.com"})
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert "set-cookie" not in answer.headers
    assert "cookie" not in answer.headers.get("vary", "").lower()
    assert send.get(PATHS[1]).body == answer.body
    metadata = answer.json()
    assert metadata["issuer"] == ISSUER
    # Client libraries of MCP refuse metadata without it, and ask for every scope that they find.
    assert metadata["authorization_endpoint"] == f"{ISSUER}/oauth2/authorize"
    assert "scopes_supported" not in metadata
    assert metadata["token_endpoint"] == f"{ISSUER}/oauth2/token"
    assert metadata["introspection_endpoint"] == f"{ISSUER}/oauth2/introspect"
    assert metadata["revocation_endpoint"] == f"{ISSUER}/oauth2/revoke"
    assert metadata["jwks_uri"] == f"{ISSUER}/.well-known/jwks.json"
    assert metadata["grant_types_supported"] == ["client_credentials"]
    assert metadata["response_types_supported"] == []
    for endpoint in ("token", "introspection", "revocation"):
        assert metadata[f"{endpoint}_endpoint_auth_methods_supported"] == METHODS
        assert metadata[f"{endpoint}_endpoint_auth_signing_alg_values_supported"] == ALGORITHMS
    assert metadata["tls_client_certificate_bound_access_tokens"] is True
    assert metadata["dpop_signing_alg_values_supported"] == ALGORITHMS
    # Certificates are asked for at the same endpoints.
    assert "mtls_endpoint_aliases" not in metadata


@pytest.mark.parametrize("path", [*PATHS, "/.well-known/jwks.json"])
def test_head_is_get_without_the_body(send, path):
    get, head = send.get(path), send("HEAD", path)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(get.body))


@pytest.mark.parametrize("path", [*PATHS, "/.well-known/jwks.json"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_not_allowed(send, path, method):
    answer = send(method, path)
    assert answer.error == (405, "invalid_request")
    assert answer.headers["allow"] == "GET, HEAD"


PREFLIGHT = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "mcp-protocol-version"}


@pytest.mark.parametrize("path", [*PATHS, "/.well-known/jwks.json"])
def test_a_page_elsewhere_may_ask_with_headers_of_its_own(send, path):
    """MCP client libraries send MCP-Protocol-Version, so a browser sends a preflight request first. Fetch, §3.2.2."""
    answer = send("OPTIONS", path, headers=PREFLIGHT)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-headers"] == "*"
    assert answer.headers["access-control-allow-methods"] == "GET, HEAD"
    assert int(answer.headers["access-control-max-age"]) >= 3600
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("path", ["/oauth2/token", "/oauth2/introspect", "/oauth2/revoke", "/api/v1/whoami"])
def test_no_page_elsewhere_may_send_credentials(send, path):
    answer = send("OPTIONS", path, headers=PREFLIGHT)
    assert answer.error == (405, "invalid_request")
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", [*PATHS, "/.well-known/jwks.json"])
def test_it_is_not_served_over_plain_http(send, path):
    assert send.get(path, secure=False).error == (400, "invalid_request")


def test_it_needs_no_database(asgi, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert asgi.get(PATHS[0]).status == 200
