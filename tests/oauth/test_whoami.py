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
def test_an_access_token_basic_and_a_secret_as_an_api_key_say_who_is_calling(send, billing, token):
    for scheme in ("Bearer", "bearer", "BEARER"):
        answer = send.get(PATH, f"{scheme} {token}")
        assert answer.status == 200
        assert answer.json() == identity(billing, "access_token", ["read"])
        assert answer.headers["cache-control"] == "no-store"
    assert send.get(PATH, billing.basic).json() == identity(billing, "client_secret_basic")
    assert send.get(PATH, bearer(billing.secret)).json() == identity(billing, "api_key")


def test_the_environment_is_the_clients(send, demo, make):
    program = make(demo, environment="test", scopes=())
    assert send.get(PATH, bearer(program.secret)).json()["environment"] == "test"
    assert send.get(PATH, send.token(program.basic).json()["access_token"].join(["Bearer ", ""])).json()["scopes"] == []


def test_head_is_get_without_the_body_and_other_methods_are_not_allowed(send, billing):
    answer = send("HEAD", PATH, headers={"Authorization": billing.basic})
    assert (answer.status, answer.body) == (200, b"")
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        answer = send(method, PATH, headers={"Authorization": billing.basic})
        assert answer.error == (405, "invalid_request")
        assert answer.headers["allow"] == "GET, HEAD"
