"""GET /api/v1/whoami: a protected resource, RFC 6750."""

import pytest

from clients.models import Client
from tests.oauth.conftest import reason_of
from tests.oauth.doors import DPOP_CHALLENGE, basic, bearer

PATH = "/api/v1/whoami"
API = "https://api.example.com"
CHALLENGE = f'Bearer realm="TokenOS", {DPOP_CHALLENGE}'
REFUSED = (
    'Bearer realm="TokenOS", error="invalid_token", '
    'error_description="The token or key is malformed, unknown, expired, revoked or not meant for this resource. '
    'The owner of its client finds the reason in the dashboard under the X-Request-Id of this answer.", '
    f"{DPOP_CHALLENGE}"
)


@pytest.fixture
def token(asgi, billing):
    return asgi.token(billing.basic, {"scope": "read"}).json()["access_token"]


def identity(program, method, scopes=("read", "write")):
    return {"client_id": program.client_id, "workspace": "demo", "environment": "live", "scopes": list(scopes), "auth_method": method}


@pytest.mark.rfc("6750", "2.1")
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_an_access_token_says_who_is_calling(send, billing, token, scheme):
    answer = send.get(PATH, f"{scheme} {token}")
    assert answer.status == 200
    assert answer.json() == identity(billing, "access_token", ["read"])
    assert answer.headers["cache-control"] == "no-store"


def test_basic_does_too(send, billing):
    assert send.get(PATH, billing.basic).json() == identity(billing, "client_secret_basic")


def test_and_so_does_a_secret_as_an_api_key(send, billing):
    assert send.get(PATH, bearer(billing.secret)).json() == identity(billing, "api_key")


def test_the_environment_is_the_clients(send, demo, make):
    program = make(demo, environment="test", scopes=())
    assert send.get(PATH, bearer(program.secret)).json()["environment"] == "test"
    assert send.get(PATH, send.token(program.basic).json()["access_token"].join(["Bearer ", ""])).json()["scopes"] == []


@pytest.mark.rfc("6750", "3")
def test_without_credentials_the_challenge_carries_no_error(send, db):
    answer = send.get(PATH)
    assert answer.error == (401, "invalid_token")
    assert answer.challenges == CHALLENGE


@pytest.mark.rfc("6750", "3.1")
@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer",
        "Bearer ",
        "Bearer a.b.c",
        "Bearer é.é.é",
        "Bearer " + "x" * 8000,
        "Bearer tos_live_x",
        "Bearer a b",
        "Digest x",
        "",
        " ",
        "token",
    ],
)
def test_bad_credentials_are_an_invalid_token(send, db, authorization):
    answer = send.get(PATH, authorization)
    assert answer.error == (401, "invalid_token")
    assert answer.challenges == REFUSED
    assert answer.headers["cache-control"] == "no-store"


def test_bad_basic_is_challenged_with_basic(send, billing):
    for authorization in (basic(billing.client_id, "wrong"), "Basic !", "Basic é"):
        answer = send.get(PATH, authorization)
        assert answer.error == (401, "invalid_client")
        assert answer.challenges.startswith("Basic ")


@pytest.mark.rfc("6750", "2")
def test_a_repeated_authorization_header_is_no_valid_credential(send, billing, token):
    for authorization in (f"{billing.basic},{billing.basic}", f"Bearer {token},Bearer {token}", f"Bearer {token},{billing.basic}"):
        answer = send.get(PATH, authorization)
        assert answer.error == (401, "invalid_token")


@pytest.mark.rfc("6750", "2.3")
def test_a_token_in_the_query_or_the_body_is_not_read(send, token):
    assert send.get(PATH, query=f"access_token={token}").status == 401


def test_an_api_key_header_is_the_gateways_alone(send, billing):
    assert send.get(PATH, headers={"X-API-Key": billing.secret}).status == 401


@pytest.mark.rfc("9068", "4")
def test_a_token_for_another_audience_is_refused(send, demo, make):
    program = make(demo, audiences=(API,))
    answer = send.get(PATH, bearer(send.token(program.basic).json()["access_token"]))
    assert answer.error == (401, "invalid_token")
    assert reason_of(answer.request_id) == "wrong_audience"
    own = send.token(program.basic, {"resource": "https://localhost:8443/w/demo"}).json()["access_token"]
    assert send.get(PATH, bearer(own)).status == 200
    assert send.get(PATH, program.basic).status == 200


@pytest.mark.parametrize("credentials", ["basic", "api key"])
def test_a_client_that_may_not_use_basic_calls_with_tokens_only(send, demo, make, credentials):
    program = make(demo, auth_methods=("client_secret_post",))
    answer = send.get(PATH, program.basic if credentials == "basic" else bearer(program.secret))
    assert answer.status == 401
    assert reason_of(answer.request_id) == "method_not_allowed"
    assert send.get(PATH, bearer(send.token(None, program.form).json()["access_token"])).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_not_allowed(send, billing, method):
    answer = send(method, PATH, headers={"Authorization": billing.basic})
    assert answer.error == (405, "invalid_request")
    assert answer.headers["allow"] == "GET, HEAD"


def test_head_is_get_without_the_body(send, billing):
    answer = send("HEAD", PATH, headers={"Authorization": billing.basic})
    assert (answer.status, answer.body) == (200, b"")


def test_plain_http_is_refused(send, billing):
    assert send.get(PATH, billing.basic, secure=False).error == (400, "invalid_request")


def test_an_unknown_api_key_names_nobody_and_a_revoked_one_its_client(send, billing):
    Client.objects.filter(pk=billing.client.pk).update(status="disabled")
    answer = send.get(PATH, bearer(billing.secret))
    assert answer.challenges == REFUSED
    assert reason_of(answer.request_id) == "client_disabled"
