"""POST /oauth2/introspect, RFC 7662."""

import json

import jwt
import pytest

from clients.models import Client
from tests.oauth.doors import basic

API = "https://api.example.com"
INACTIVE = {"active": False}


@pytest.fixture
def token_of(asgi):
    def token_of(program, **parameters):
        return asgi.token(program.basic, parameters).json()["access_token"]

    return token_of


@pytest.fixture
def introspect(send):
    def introspect(program, token, **more):
        answer = send.post("/oauth2/introspect", {"token": token, **more}, program.basic)
        assert answer.status == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "no-store"
        return answer.json()

    return introspect


@pytest.mark.rfc("7662", "2.2")
def test_a_client_learns_all_of_a_token_that_it_obtained(introspect, token_of, billing):
    token = token_of(billing, scope="write read")
    claims = jwt.decode(token, options={"verify_signature": False})
    assert introspect(billing, token) == {
        "active": True,
        "scope": "write read",
        "client_id": billing.client_id,
        "token_type": "Bearer",
        "exp": claims["exp"],
        "iat": claims["iat"],
        "sub": billing.client_id,
        "aud": "https://localhost:8443/w/demo",
        "iss": "https://localhost:8443",
        "jti": claims["jti"],
        "workspace": "demo",
    }


@pytest.mark.rfc("7662", "2.1")
def test_authentication_in_the_body_works_too(send, token_of, billing):
    assert send.post("/oauth2/introspect", {"token": token_of(billing), **billing.form}).json()["active"] is True


@pytest.mark.rfc("7662", "2.1")
@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "nonsense", ""])
def test_a_hint_changes_nothing(introspect, token_of, billing, hint):
    assert introspect(billing, token_of(billing), token_type_hint=hint)["active"] is True


@pytest.mark.rfc("7662", "4")
def test_a_resource_server_learns_of_a_token_whose_audience_is_its_own(introspect, token_of, demo, make):
    server = make(demo, audiences=(API,), scopes=())
    caller = make(demo, audiences=("https://other.example.com", API))
    assert introspect(server, token_of(caller))["aud"] == ["https://other.example.com", API]
    assert introspect(server, token_of(caller, resource=API))["client_id"] == caller.client_id
    assert introspect(server, token_of(caller, resource="https://other.example.com")) == INACTIVE


@pytest.mark.rfc("7662", "4")
def test_a_client_without_audiences_learns_of_the_tokens_for_its_workspace(introspect, token_of, demo, make, billing):
    answer = introspect(make(demo, scopes=()), token_of(billing))
    assert (answer["active"], answer["client_id"], answer["aud"]) == (True, billing.client_id, "https://localhost:8443/w/demo")
    assert introspect(make(demo), token_of(make(demo, audiences=("https://a.example.com", API)), resource="https://localhost:8443/w/demo"))["active"] is True


@pytest.mark.rfc("7662", "4")
def test_of_any_other_token_a_client_learns_nothing(introspect, token_of, demo, make, billing):
    assert introspect(make(demo), token_of(make(demo, audiences=(API,)))) == INACTIVE
    assert introspect(make(demo, audiences=(API,)), token_of(billing)) == INACTIVE


@pytest.mark.rfc("7662", "4")
def test_the_workspaces_audience_says_nothing_of_another_workspaces_tokens(introspect, token_of, demo, other, make):
    assert introspect(make(demo), token_of(make(other))) == INACTIVE
    assert introspect(make(other), token_of(make(demo))) == INACTIVE


@pytest.mark.rfc("7662", "4")
def test_nothing_is_learnt_across_workspaces_not_even_with_the_same_audience(introspect, token_of, demo, other, make):
    server, foreign = make(demo, audiences=(API,)), make(other)
    Client.objects.filter(pk=foreign.client.pk).update(audiences=[API])
    assert introspect(server, token_of(foreign)) == INACTIVE
    assert introspect(foreign, token_of(server)) == INACTIVE


@pytest.mark.rfc("7662", "2.2")
@pytest.mark.parametrize("token", ["x", "a.b.c", "...", "é", "\N{SNOWMAN}" * 100, "x" * 60_000, " ", "null"])
def test_what_is_no_token_is_inactive(introspect, billing, token):
    assert introspect(billing, token) == INACTIVE


def test_a_secret_is_no_token(introspect, billing):
    assert introspect(billing, billing.secret) == INACTIVE


@pytest.mark.rfc("7662", "2.3")
@pytest.mark.rfc("7662", "2.1")
def test_nobody_introspects_without_authentication(send, token_of, billing):
    answer = send.post("/oauth2/introspect", {"token": token_of(billing)})
    assert answer.error == (401, "invalid_client")
    assert "active" not in json.loads(answer.body)
    assert send.post("/oauth2/introspect", {"token": token_of(billing)}, basic(billing.client_id, "wrong")).status == 401


def test_a_token_does_not_authenticate_here(send, token_of, billing):
    token = token_of(billing)
    assert send.post("/oauth2/introspect", {"token": token}, f"Bearer {token}").error == (401, "invalid_client")
