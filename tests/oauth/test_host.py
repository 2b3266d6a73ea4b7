"""The protocol is served only under the instance's own names, so that nobody gets metadata or tokens under another name. RFC 9110 §7.2."""

from ipaddress import ip_network

import pytest

from clients.models import RecordedRequest
from tests.oauth.conftest import reason_of
from tests.oauth.doors import ADDRESS, bearer, run_asgi

PATHS = ["/oauth2/token", "/oauth2/introspect", "/oauth2/revoke", "/oauth2/authorize", "/.well-known/oauth-authorization-server"]
PATHS += ["/.well-known/openid-configuration", "/.well-known/oauth-protected-resource", "/.well-known/jwks.json", "/api/v1/whoami"]
METADATA = PATHS[4]
FOREIGN = [
    "evil.example",
    "evil.example:8443",
    "localhost.evil.example",
    "localhost@evil.example",
    "localhost evil",
    "127.0.0.1.evil.example",
    "[::1]",
    "[::1",
    "",
]
FOREIGN += ["localhost:x", "localhost,evil.example", "x" * 5000, "localhost/", "\xfc.example"]
OWN = ["localhost", "localhost:8443", "LOCALHOST", "Localhost:1", "127.0.0.1", "127.0.0.1:8443", "localhost."]
pytestmark = pytest.mark.django_db


@pytest.mark.rfc("9110", "7.2")
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_endpoint_answers_under_a_foreign_name(send, path, method):
    answer = send(method, path, headers={"Host": "evil.example"})
    assert answer.error == (400, "invalid_request")
    assert answer.headers["cache-control"] == "no-store"
    assert b"evil" not in answer.body
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("host", FOREIGN)
def test_a_foreign_or_malformed_name_is_refused(send, host):
    assert send.get(METADATA, headers={"Host": host}).error == (400, "invalid_request")


@pytest.mark.parametrize("host", OWN)
def test_its_own_names_are_accepted_in_every_spelling_and_with_every_port(send, host):
    assert send.get(METADATA, headers={"Host": host}).status == 200


@pytest.mark.parametrize(
    ("allowed", "host", "status"),
    [
        (".example.com", "tokens.example.com", 200), (".example.com", "example.com:8443", 200), (".example.com", "badexample.com", 400),
        ("*", "whatever.example", 200), ("[2001:db8::1]", "[2001:DB8::1]:8443", 200), ("[2001:db8::1]", "[2001:db8::2]", 400),
        ("TOKENS.example.com", "tokens.example.com", 200), ("tokens.example.com", "localhost", 400),
    ],
)  # fmt: skip
def test_names_are_read_as_django_reads_them(send, settings, allowed, host, status):
    settings.ALLOWED_HOSTS = [allowed]
    assert send.get(METADATA, headers={"Host": host}).status == status


@pytest.mark.parametrize("peer", ["trusted", "stranger"])
@pytest.mark.parametrize(
    ("host", "forwarded", "status"), [("10.0.0.5:8000", "localhost", 200), ("localhost", "evil.example", 400), ("evil.example", "a,b", 400)]
)
def test_of_a_trusted_proxy_the_name_that_its_caller_used_counts(send, settings, peer, host, forwarded, status):
    settings.TRUSTED_PROXIES = [ip_network(ADDRESS if peer == "trusted" else "192.0.2.1")]
    if peer == "stranger":
        status = 200 if host == "localhost" else 400
    headers = {"Host": host, "X-Forwarded-Host": forwarded, "X-Forwarded-Proto": "https"}
    assert send.get(METADATA, headers=headers).status == status


def test_the_gateway_answers_under_every_name_for_its_callers_bring_that_of_their_api(send, billing):
    token = send.token(billing.basic).json()["access_token"]
    for path in ("/gateway/demo/verify", "/gateway/demo/verify/orders"):
        assert send.get(path, bearer(token), headers={"Host": "api.example.com"}).status == 200
        assert send.get(path, headers={"Host": "api.example.com"}).status == 401
    assert send.get("/gateway/demo/nothing", headers={"Host": "api.example.com"}).status == 404


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_do_too(client, path):
    assert client.get(path, headers={"Host": "10.0.0.5"}, secure=True, REMOTE_ADDR="127.0.0.1").status_code in (200, 503)


def test_a_secret_is_not_even_looked_at_and_the_owner_hears_why(send, billing):
    """Plain HTTP is the worse mistake."""
    answer = send.token(billing.basic, headers={"Host": "evil.example"})
    assert answer.error == (400, "invalid_request")
    assert reason_of(answer.request_id) == "foreign_host"
    row = RecordedRequest.objects.get(request_id=answer.request_id)
    assert row.client_id == billing.client.pk
    assert "evil" not in row.detail
    answer = send.token(billing.basic, headers={"Host": "evil.example"}, secure=False)
    assert reason_of(answer.request_id) == "plain_http"


def test_a_request_that_names_no_host_names_no_foreign_one():
    """HTTP/1.0; the server itself refuses HTTP/1.1 without it."""
    assert run_asgi([], method="GET", path=METADATA).status == 200
