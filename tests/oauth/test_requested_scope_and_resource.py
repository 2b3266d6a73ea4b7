"""The scopes and audiences that a client is granted, RFC 6749 §3.3 and §4.4, RFC 8707 §2."""

import pytest

from clients.models import Client
from clients.services.scopes import remove_audience, remove_scope
from tests.factories import TESTS

ISSUER = "https://localhost:8443"
API = "https://api.example.com"
REPORTS = "https://reports.example.com/v1?part=a"


@pytest.mark.rfc("6749", "3.3")
@pytest.mark.rfc("8707", "2")
@pytest.mark.parametrize(
    ("asked", "granted"),
    [("write", "write"), ("write read", "write read"), ("read write", "read write"), ("read read", "read"), ("", "read write"), (None, "read write")],
)
def test_scope_is_granted_in_the_order_asked_for_without_scope_all_and_without_resource_for_the_workspaces_audience(send, billing, asked, granted):
    answer = send.token(billing.basic, {} if asked is None else {"scope": asked})
    assert answer.json()["scope"] == granted
    claims = answer.claims
    assert (claims["scope"], claims["aud"]) == (granted, f"{ISSUER}/w/demo")


@pytest.mark.rfc("6749", "3.3")
@pytest.mark.parametrize(
    "scope", ["admin", "read admin", "clients:read", "READ", "read  write", " read", "read ", "read,write", 're"ad', "re\\ad", "lesen ü", "read\twrite"]
)
def test_a_scope_that_is_unknown_malformed_or_not_allowed_is_invalid_scope(send, billing, scope):
    answer = send.token(billing.basic, {"scope": scope})
    assert answer.error == (400, "invalid_scope")
    assert "access_token" not in answer.json()


@pytest.mark.rfc("6749", "3.3")
def test_a_client_without_scopes_gets_a_token_without_scope(send, demo, make):
    quiet = make(demo, scopes=())
    answer = send.token(quiet.basic)
    assert "scope" not in answer.json()
    assert "scope" not in answer.claims
    token = answer.json()["access_token"]
    assert send.get("/api/v1/whoami", f"Bearer {token}").json()["scopes"] == []
    assert "scope" not in send.post("/oauth2/introspect", {"token": token}, quiet.basic).json()


@pytest.mark.rfc("8707", "2")
@pytest.mark.parametrize(
    ("asked", "audience"),
    [
        ([], [API, REPORTS]),
        ([""], [API, REPORTS]),
        ([API], API),
        ([REPORTS], REPORTS),
        ([REPORTS, API], [REPORTS, API]),
        ([API, API], API),
        ([f"{ISSUER}/w/demo"], f"{ISSUER}/w/demo"),
        ([f"{ISSUER}/w/demo", API], [f"{ISSUER}/w/demo", API]),
    ],
)
def test_resource_chooses_among_the_clients_audiences_and_the_workspaces(send, demo, make, asked, audience):
    program = make(demo, audiences=(API, REPORTS))
    assert send.token(program.basic, [("resource", uri) for uri in asked]).claims["aud"] == audience


@pytest.mark.rfc("8707", "2")
@pytest.mark.parametrize(
    "resource",
    [
        "https://elsewhere.example.com", f"{API}/", API.upper(), f"{ISSUER}/w/other", f"{ISSUER}/w/demo-2", f"{ISSUER}/w/demo/x", ISSUER, "not a uri",
        f"{API}#part", "/relative", "ü", "x" * 5000,
    ],
)  # fmt: skip
def test_a_resource_that_is_not_the_clients_is_invalid_target(send, demo, make, resource):
    program = make(demo, audiences=(API,))
    assert send.token(program.basic, [("resource", API), ("resource", resource)]).error == (400, "invalid_target")


def test_a_removed_scope_is_refused_and_existing_tokens_keep_it(send, demo, billing, token, now):
    assert remove_scope(scope=demo.scopes.get(name="write"), actor=TESTS, now=now) == 1
    assert send.token(billing.basic, {"scope": "write"}).error == (400, "invalid_scope")
    assert send.token(billing.basic).json()["scope"] == "read"
    assert send.get("/api/v1/whoami", f"Bearer {token}").json()["scopes"] == ["read", "write"]
    assert Client.objects.get().scopes == ["read"]


def test_audience_that_is_removed_is_refused(send, demo, make, now):
    program = make(demo, audiences=["https://api.example.com"])
    assert send.token(program.basic, {"resource": "https://api.example.com"}).status == 200
    assert remove_audience(workspace=demo, audience="https://api.example.com", actor=TESTS, now=now) == 1
    assert send.token(program.basic, {"resource": "https://api.example.com"}).error == (400, "invalid_target")
