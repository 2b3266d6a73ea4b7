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
        "environment": "live",
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


ORDERS, BILLING, OWN = "https://orders.example.com", "https://billing.example.com", "https://localhost:8443/w/demo"


@pytest.fixture
def orders(demo, make):
    """An API that is a client as well, of another API: what it may ask tokens for is among its audiences."""
    return make(demo, audiences=(ORDERS, BILLING))


@pytest.mark.rfc("7662", "4")
def test_an_api_that_names_itself_learns_nothing_of_tokens_for_another(introspect, token_of, demo, make, orders):
    theirs, its_own = token_of(make(demo, audiences=(BILLING,))), token_of(orders, resource=BILLING)
    for token in (theirs, its_own):
        assert introspect(orders, token)["active"] is True
        assert introspect(orders, token, resource=ORDERS) == INACTIVE
        assert introspect(orders, token, resource=BILLING)["aud"] == BILLING
    for token in (token_of(make(demo, audiences=(ORDERS,))), token_of(orders)):
        assert introspect(orders, token, resource=ORDERS)["active"] is True


@pytest.mark.rfc("7662", "4")
def test_an_api_can_name_the_workspaces_own_resource(introspect, token_of, demo, make, orders, billing):
    assert introspect(orders, token_of(billing)) == INACTIVE
    assert introspect(orders, token_of(billing), resource=OWN)["client_id"] == billing.client_id
    assert introspect(make(demo), token_of(billing), resource=OWN)["active"] is True
    assert introspect(orders, token_of(orders), resource=OWN) == INACTIVE


@pytest.mark.rfc("7662", "4")
@pytest.mark.parametrize("resource", [ORDERS, f"{BILLING}/", BILLING.upper(), "https://localhost:8443/w/other", "urn:x"])
def test_naming_an_audience_that_the_caller_lacks_reveals_nothing(introspect, token_of, demo, make, resource):
    server, caller = make(demo, audiences=(BILLING,)), make(demo, audiences=(ORDERS, BILLING))
    assert introspect(server, token_of(caller))["active"] is True
    assert introspect(server, token_of(caller), resource=resource) == INACTIVE
    assert introspect(server, token_of(server), resource=resource) == INACTIVE


@pytest.mark.rfc("7662", "4")
def test_a_named_audience_that_was_handed_to_another_workspace_counts_no_more(introspect, token_of, make, demo):
    server = make(demo, audiences=(ORDERS, BILLING))
    token = token_of(server)
    Client.objects.filter(pk=server.client.pk).update(withheld_audiences=[ORDERS])
    assert introspect(server, token, resource=ORDERS) == INACTIVE
    assert introspect(server, token, resource=BILLING)["active"] is True


def test_of_another_workspace_nothing_is_learnt_whatever_is_named(introspect, token_of, demo, other, make):
    server, foreign = make(demo, audiences=(API,)), make(other)
    Client.objects.filter(pk=foreign.client.pk).update(audiences=[API])
    for resource in (API, OWN, "https://localhost:8443/w/other"):
        assert introspect(server, token_of(foreign), resource=resource) == INACTIVE


@pytest.mark.rfc("8707", "2")
@pytest.mark.parametrize("resource", ["x", "/orders", "//orders.example.com", "https:", f"{ORDERS}#x", "https://a b", "https://[", "é:x", "https://ö"])
def test_a_resource_that_is_no_absolute_uri_is_refused(send, token_of, billing, resource):
    answer = send.post("/oauth2/introspect", {"token": token_of(billing), "resource": resource}, billing.basic)
    assert answer.error == (400, "invalid_request")
    assert "resource" in answer.json()["error_description"]


def test_a_resource_has_512_characters_at_most(send, token_of, billing):
    longest = f"{ORDERS}/".ljust(512, "x")
    form = {"token": token_of(billing), "resource": longest}
    assert send.post("/oauth2/introspect", form, billing.basic).json() == INACTIVE
    answer = send.post("/oauth2/introspect", {**form, "resource": f"{longest}x"}, billing.basic)
    assert answer.error == (400, "invalid_request")
    assert "at most 512 characters" in answer.json()["error_description"]


def test_a_resource_is_named_once(send, token_of, billing):
    form = [("token", token_of(billing)), ("resource", OWN), ("resource", OWN)]
    answer = send.post("/oauth2/introspect", form, billing.basic)
    assert answer.error == (400, "invalid_request")
    assert send.post("/oauth2/introspect", [*form[:2], ("resource", "")], billing.basic).json()["active"] is True


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


@pytest.mark.rfc("7662", "2.2")
@pytest.mark.parametrize("environment", ["live", "test"])
def test_it_says_whose_environment_the_token_is_of(send, billing, demo, make, token_of, environment):
    token = token_of(make(demo, environment=environment))
    assert send.post("/oauth2/introspect", {"token": token}, billing.basic).json()["environment"] == environment
    assert send.post("/oauth2/introspect", {"token": "x"}, billing.basic).json() == {"active": False}
