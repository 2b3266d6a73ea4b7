"""The unchanged deploy/nginx.conf under the real nginx: an API that the gateway protects."""

import re
import socket
import ssl
from typing import Any

import pytest
import urllib3

from tests.oauth.proofs import new_key
from tests.servers.conftest import read_answer
from tests.servers.nginx import Site, api_port, site

__all__ = ["api_port", "site"]

# Headers that a framework may believe from its proxy, if it is told to: the sender, the request and the certificate.
FORWARDED = (
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-Method",
    "X-Forwarded-Uri",
    "X-Real-IP",
    "Forwarded",
    "Client-Cert",
    "Client-Cert-Chain",
    "X-SSL-Client-Cert",
    "X-Forwarded-Client-Cert",
    "X-Forwarded-Tls-Client-Cert",
)


def test_protected_api_gets_who_calls_and_not_the_credentials(site: Site) -> None:
    token = site.token().json()["access_token"]
    answer = site.api(f"Bearer {token}")
    assert answer.status == 200
    seen = answer.json()
    assert seen["x-tokenos-client-id"] == site.client["client_id"]
    assert seen["x-tokenos-workspace"] == "demo"
    assert seen["x-tokenos-scopes"] == "read write"
    assert seen["x-tokenos-environment"] == "live"
    assert "authorization" not in seen


def test_test_client_does_not_reach_the_protected_api(site: Site) -> None:
    arguments = ("--workspace", "demo", "--name", "trial", "--scope", "read", "--audience", "https://api.example.com", "--environment", "test")
    trial = site.tokenos.manage("create_client", *arguments)
    answer = site.api(X_API_Key=trial["client_secret"])
    assert answer.status == 403
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


def test_body_of_a_protected_request_reaches_the_api(site: Site) -> None:
    token = site.token().json()["access_token"]
    answer = site.request("POST", "api.example.com", "/orders", headers={"Authorization": f"Bearer {token}"}, body=b"x" * 100_000)
    assert answer.status == 200
    assert answer.json()["content-length"] == "100000"


def test_secret_works_as_api_key(site: Site) -> None:
    answer = site.api(X_API_Key=site.client["client_secret"])
    assert answer.status == 200
    assert "x-api-key" not in answer.json()


def test_callers_identity_headers_are_overwritten(site: Site) -> None:
    token = site.token().json()["access_token"]
    seen = site.api(f"Bearer {token}", X_TokenOS_Client_Id="somebody-else", X_TokenOS_Scopes="admin", X_TokenOS_Environment="test").json()
    assert seen["x-tokenos-client-id"] == site.client["client_id"]
    assert seen["x-tokenos-scopes"] == "read write"
    assert seen["x-tokenos-environment"] == "live"


def test_protected_api_gets_no_forwarded_header_of_the_caller(site: Site) -> None:
    """Many frameworks believe them, once they are told that a proxy stands before them."""
    answer = site.api(X_API_Key=site.client["client_secret"], **{name.replace("-", "_"): "forged" for name in FORWARDED})
    assert answer.status == 200
    assert "forged" not in answer.json().values()


def test_protected_api_gets_where_the_caller_is(site: Site) -> None:
    seen = site.api(X_API_Key=site.client["client_secret"], X_Forwarded_For="203.0.113.9").json()
    assert (seen["x-forwarded-for"], seen["x-real-ip"]) == ("127.0.0.1", "127.0.0.1")
    assert (seen["x-forwarded-proto"], seen["x-forwarded-host"]) == ("https", "api.example.com")


def test_without_credentials_401_with_challenge(site: Site) -> None:
    answer = site.api()
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="TokenOS", DPoP realm="TokenOS", algs="ES256 ')
    assert "DPoP-Nonce" not in answer.headers


def test_who_is_refused_gets_the_id_by_which_the_reason_is_found(site: Site) -> None:
    """Once, whatever the API sends."""
    token = site.token(scope="write").json()["access_token"]
    for answer in (site.api(), site.api("Bearer x"), site.api(f"Bearer {token}"), site.api(X_API_Key=site.client["client_secret"])):
        (request_id,) = answer.headers.getlist("X-Request-Id")
        assert re.fullmatch(r"[0-9a-f]{32}", request_id)
        assert answer.status == 200 or request_id in site.tokenos.log.read_text()


@pytest.mark.rfc("9449", "7.1")
def test_bound_token_passes_with_a_proof_for_the_original_request(site: Site) -> None:
    program = new_key()
    token = site.token(headers=program.sent("POST", "https://tokens.example.com/oauth2/token")).json()
    assert token["token_type"] == "DPoP"

    def ask(method: str, url: str) -> Any:
        return site.api(f"DPoP {token['access_token']}", **program.sent(method, url, token=token["access_token"]))

    answer = ask("GET", "https://api.example.com/orders")
    assert answer.status == 200
    assert (answer.json()["x-tokenos-client-id"], "dpop" in answer.json()) == (site.client["client_id"], False)
    for method, url in (("POST", "https://api.example.com/orders"), ("GET", "https://api.example.com/others"), ("GET", "https://tokens.example.com/orders")):
        refused = ask(method, url)
        assert refused.status == 401
        assert 'error="invalid_dpop_proof"' in refused.headers["WWW-Authenticate"]


@pytest.mark.rfc("9449", "4.3")
@pytest.mark.parametrize("target", ["/orders/\xe9", f"/orders?{'x' * 8001}"], ids=["octet above ASCII", "long query"])
def test_proof_for_the_gateway_itself_is_none_for_a_url_that_it_cannot_read(site: Site, target: str) -> None:
    program = new_key()
    token = site.token(headers=program.sent("POST", "https://tokens.example.com/oauth2/token")).json()["access_token"]
    proof = program.proof("GET", "https://tokens.example.com/gateway/demo/verify", token=token)
    request = f"GET {target} HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\nAuthorization: DPoP {token}\r\nDPoP: {proof}\r\n\r\n"
    context = ssl._create_unverified_context()
    sock = socket.create_connection(("127.0.0.1", site.tls["api.example.com"].port), timeout=30)
    with context.wrap_socket(sock, server_hostname="api.example.com") as tls:
        tls.sendall(request.encode("latin-1"))
        answer = read_answer(tls)
    assert answer.status == 401
    assert 'error="invalid_dpop_proof"' in answer.headers["www-authenticate"]


def test_without_the_scope_403_with_challenge(site: Site) -> None:
    token = site.token(scope="write").json()["access_token"]
    answer = site.api(f"Bearer {token}")
    assert answer.status == 403
    assert 'error="insufficient_scope", scope="read"' in answer.headers["WWW-Authenticate"]


def test_token_for_another_api_is_refused(site: Site) -> None:
    token = site.token(resource="https://tokens.example.com/w/demo").json()["access_token"]
    answer = site.api(f"Bearer {token}")
    assert answer.status == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_revoked_token_is_refused_at_the_next_request(site: Site) -> None:
    token = site.token().json()["access_token"]
    assert site.api(f"Bearer {token}").status == 200
    site.request(
        "POST",
        "tokens.example.com",
        "/oauth2/revoke",
        headers=urllib3.make_headers(basic_auth=f"{site.client['client_id']}:{site.client['client_secret']}"),
        fields={"token": token},
        encode_multipart=False,
    )
    assert site.api(f"Bearer {token}").status == 401


def test_too_many_failures_are_429(site: Site) -> None:
    wrong = urllib3.make_headers(basic_auth="AAAAAAAAAAAAAAAAAAAAAA:wrong")["authorization"]
    for _ in range(3):
        assert site.api(wrong).status == 401
    answer = site.api(wrong)
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.rfc("9449", "4.3")
def test_nothing_is_served_under_another_name(site: Site) -> None:
    """A DPoP proof is for a host: one that a caller could choose would let in anybody who has a proof for another server."""
    api = site.tls["api.example.com"]
    for host in ("evil.example.net", "api.example.com.evil.example.net", "127.0.0.1"):
        assert api.request("GET", "/orders", headers={"Host": host}, retries=False, timeout=30).status == 421, host
    context = ssl._create_unverified_context()  # the server has no certificate to verify
    with socket.create_connection(("127.0.0.1", api.port), timeout=30) as sock, pytest.raises(ssl.SSLError, match="unrecognized name"):
        context.wrap_socket(sock, server_hostname="evil.example.net")


# From here on TokenOS is another than for the tests above.
def test_an_outage_is_503(site: Site) -> None:
    token = site.token().json()["access_token"]
    site.tokenos.stop()
    assert site.api(f"Bearer {token}").status == 503


@pytest.mark.rfc("9449", "9")
def test_nonce_gets_through_to_the_caller(site: Site) -> None:
    site.restart(DPOP_NONCE="on")
    program = new_key()
    endpoint = "https://tokens.example.com/oauth2/token"
    nonce = site.token(headers=program.sent("POST", endpoint)).headers["DPoP-Nonce"]
    token = site.token(headers=program.sent("POST", endpoint, nonce=nonce)).json()["access_token"]
    refused = site.api(f"DPoP {token}", **program.sent("GET", "https://api.example.com/orders", token=token))
    assert (refused.status, 'error="use_dpop_nonce"' in refused.headers["WWW-Authenticate"]) == (401, True)
    proof = program.sent("GET", "https://api.example.com/orders", token=token, nonce=refused.headers["DPoP-Nonce"])
    answer = site.api(f"DPoP {token}", **proof)
    assert (answer.status, "DPoP-Nonce" in answer.headers) == (200, True)
