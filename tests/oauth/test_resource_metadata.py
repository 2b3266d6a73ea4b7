"""Protected resource metadata, RFC 9728: how a client library finds a resource's authorization server."""

import re

import pytest

from tests.oauth.doors import basic, bearer

PREFIX = "/.well-known/oauth-protected-resource"
ISSUER = "https://localhost:8443"
pytestmark = pytest.mark.django_db


@pytest.mark.rfc("9728", "2")
@pytest.mark.parametrize(("path", "resource"), [(PREFIX, ISSUER), (f"{PREFIX}/w/demo", f"{ISSUER}/w/demo"), (f"{PREFIX}/w/a-1", f"{ISSUER}/w/a-1")])
def test_it_says_whose_tokens_are_accepted(send, path, resource):
    answer = send.get(path)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    document = answer.json()
    assert document["resource"] == resource
    assert document["authorization_servers"] == [ISSUER]
    assert document["bearer_methods_supported"] == ["header"]
    assert "ES256" in document["dpop_signing_alg_values_supported"]
    assert document["tls_client_certificate_bound_access_tokens"] is True
    # Client libraries ask for every scope that they find.
    assert "scopes_supported" not in document


@pytest.mark.rfc("9728", "3.3")
def test_the_resource_of_a_workspace_is_the_one_that_its_tokens_are_for(send, billing):
    document = send.get(f"{PREFIX}/w/demo").json()
    token = send.token(billing.basic, {"resource": document["resource"]}).json()["access_token"]
    assert send.get("/api/v1/whoami", bearer(token)).status == 200


def test_it_does_not_tell_which_workspaces_there_are(asgi, demo, django_assert_num_queries):
    with django_assert_num_queries(0):
        there, not_there = (asgi.get(f"{PREFIX}/w/{slug}").body for slug in ("demo", "nope"))
    assert there == not_there.replace(b"nope", b"demo")


@pytest.mark.rfc("9728", "3.1")
@pytest.mark.parametrize(
    "rest", ["/", "/w", "/w/", "/w/Demo", "/w/demo/", "/w/demo/x", "/w/-a", "/demo", "/api/v1", "x", '/w/a"b', "/w/d%C3%A9", f"/w/{'a' * 64}"]
)
def test_there_is_none_of_anything_else(send, rest):
    assert send.get(PREFIX + rest).error == (404, "invalid_request")


@pytest.mark.parametrize("path", [PREFIX, f"{PREFIX}/w/demo"])
def test_it_is_open_to_every_origin_and_cache_like_the_metadata(send, path):
    answer = send.get(path)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert send("HEAD", path).body == b""
    assert send("OPTIONS", path, headers={"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}).status == 204
    refused = send.post(path)
    assert refused.error == (405, "invalid_request")
    assert refused.headers["allow"] == "GET, HEAD"
    assert send.get(path, secure=False).error == (400, "invalid_request")


@pytest.mark.rfc("9728", "5.1")
@pytest.mark.parametrize("case", ["none", "token", "secret", "basic", "proof"])
def test_a_401_of_the_api_names_it_in_each_challenge(send, billing, case):
    headers = {"none": None, "token": bearer("a.b.c"), "secret": bearer(billing.secret[:-1]), "basic": basic(billing.client_id, "x"), "proof": "DPoP a.b.c"}
    answer = send.get("/api/v1/whoami", headers[case])
    assert answer.status == 401
    challenges = answer.headers["www-authenticate"]
    named = re.findall(r'resource_metadata="([^"]+)"', challenges)
    assert named == [ISSUER + PREFIX] * challenges.count("realm=")
    document = send.get(named[0].removeprefix(ISSUER))
    assert document.json()["resource"] == ISSUER


def test_the_gateway_names_no_resource_metadata_because_the_api_is_not_ours(send, billing):
    assert "resource_metadata" not in send.get("/gateway/demo/verify").headers["www-authenticate"]
    assert "resource_metadata" not in send.token(basic(billing.client_id, "x")).headers["www-authenticate"]
