"""POST /oauth2/introspect, RFC 7662."""

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


@pytest.mark.rfc("7662", "2.1")
@pytest.mark.rfc("7662", "2.2")
def test_a_client_learns_all_of_a_token_that_it_obtained_whatever_the_hint_and_its_method(send, introspect, token_of, billing):
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
    for hint in ("access_token", "refresh_token", "nonsense", ""):
        assert introspect(billing, token, token_type_hint=hint)["active"] is True
    assert send.post("/oauth2/introspect", {"token": token, **billing.form}).json()["active"] is True


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
def test_nothing_is_learnt_across_workspaces_not_even_with_the_same_audience(introspect, token_of, demo, billing, eves, make):
    """Nor by the audience that each workspace has."""
    assert introspect(billing, token_of(eves)) == introspect(eves, token_of(billing)) == INACTIVE
    server = make(demo, audiences=(API,))
    Client.objects.filter(pk=eves.client.pk).update(audiences=[API])
    assert introspect(server, token_of(eves)) == introspect(eves, token_of(server)) == INACTIVE
    for resource in (API, OWN, "https://localhost:8443/w/other"):
        assert introspect(server, token_of(eves), resource=resource) == INACTIVE


ORDERS, BILLING, OWN = "https://orders.example.com", "https://billing.example.com", "https://localhost:8443/w/demo"


@pytest.fixture
def orders(demo, make):
    """An API that is also a client of another API: its audiences include the one that it requests tokens for."""
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


@pytest.mark.rfc("8707", "2")
@pytest.mark.parametrize("resource", ["x", "/orders", "//orders.example.com", "https:", f"{ORDERS}#x", "https://a b", "https://[", "é:x", "https://ö"])
def test_a_resource_that_is_no_absolute_uri_is_refused(send, token_of, billing, resource):
    answer = send.post("/oauth2/introspect", {"token": token_of(billing), "resource": resource}, billing.basic)
    assert answer.error == (400, "invalid_request")
    assert "resource" in answer.json()["error_description"]


def test_a_resource_is_named_once_with_512_characters_at_most(send, token_of, billing):
    token, longest = token_of(billing), f"{ORDERS}/".ljust(512, "x")
    assert send.post("/oauth2/introspect", {"token": token, "resource": longest}, billing.basic).json() == INACTIVE
    answer = send.post("/oauth2/introspect", {"token": token, "resource": f"{longest}x"}, billing.basic)
    assert answer.error == (400, "invalid_request")
    assert "at most 512 characters" in answer.json()["error_description"]
    form = [("token", token), ("resource", OWN)]
    assert send.post("/oauth2/introspect", [*form, ("resource", OWN)], billing.basic).error == (400, "invalid_request")
    assert send.post("/oauth2/introspect", [*form, ("resource", "")], billing.basic).json()["active"] is True


@pytest.mark.rfc("7662", "2.2")
def test_anything_but_a_token_is_inactive(introspect, billing):
    for token in ("x", "a.b.c", "...", "é", "\N{SNOWMAN}" * 100, "x" * 60_000, " ", "null", billing.secret):
        assert introspect(billing, token) == INACTIVE


@pytest.mark.rfc("7662", "2.3")
@pytest.mark.rfc("7662", "2.1")
def test_nobody_introspects_without_authentication_for_which_a_token_does_not_do(send, token_of, billing):
    token = token_of(billing)
    for authorization in (None, basic(billing.client_id, "wrong"), f"Bearer {token}"):
        answer = send.post("/oauth2/introspect", {"token": token}, authorization)
        assert answer.error == (401, "invalid_client")
        assert "active" not in answer.json()


@pytest.mark.rfc("7662", "2.2")
@pytest.mark.parametrize("environment", ["live", "test"])
def test_it_says_whose_environment_the_token_is_of(send, billing, demo, make, token_of, environment):
    token = token_of(make(demo, environment=environment))
    assert send.post("/oauth2/introspect", {"token": token}, billing.basic).json()["environment"] == environment
    assert send.post("/oauth2/introspect", {"token": "x"}, billing.basic).json() == {"active": False}
