"""GET /api/v1/whoami: a protected resource, RFC 6750."""

import pytest

from tests.oauth.doors import bearer

PATH = "/api/v1/whoami"


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
