"""Each row of the contract's table of errors, at each endpoint that authenticates clients, RFC 6749 §5.2. Errors in forms are in test_form.py."""

import gc
import re

import pytest

from clients.services.clients import disable_client
from oauth.introspection import introspect
from oauth.messages import Connection, Request
from oauth.token import token
from tests import factories
from tests.cases import Each
from tests.oauth.assertions import ASSERTION_TYPE
from tests.oauth.doors import FORM, basic

PATHS = ["/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"]


DESCRIPTION = re.compile(r"[\x20-\x21\x23-\x5B\x5D-\x7E]+")


GOOD = {"/oauth2/token": {"grant_type": "client_credentials"}, "/oauth2/introspect": {"token": "a.b.c"}, "/oauth2/revoke": {"token": "a.b.c"}}


def assert_error(answer, status, error):
    assert answer.error == (status, error)
    assert set(answer.json()) == {"error", "error_description"}
    assert DESCRIPTION.fullmatch(answer.json()["error_description"])
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-request-id"]


@pytest.fixture
def path():
    return Each(PATHS)


@pytest.mark.rfc("6749", "5.2")
@pytest.mark.parametrize("case", ["unknown client", "wrong secret", "missing credentials", "disabled client", "bad scheme", "assertion"])
def test_failed_client_authentication(send, billing, path, case, now):
    form, authorization = dict(GOOD[path]), billing.basic
    match case:
        case "unknown client":
            authorization = basic("A" * 22, billing.secret)
        case "wrong secret":
            authorization = basic(billing.client_id, "wrong")
        case "missing credentials":
            authorization = None
        case "disabled client":
            disable_client(client=billing.client, actor=factories.TESTS, now=now)
        case "bad scheme":
            authorization = f"Bearer {billing.secret}"
        case "assertion":
            authorization, form["client_assertion_type"], form["client_assertion"] = None, ASSERTION_TYPE, "a.b.c"
    answer = send.post(path, form, authorization)
    assert_error(answer, 401, "invalid_client")
    assert answer.headers["www-authenticate"] == 'Basic realm="TokenOS", charset="UTF-8"'


@pytest.mark.rfc("6749", "2.3")
def test_two_methods_at_once(send, billing, path):
    assert_error(send.post(path, GOOD[path] | billing.form, billing.basic), 400, "invalid_request")


@pytest.mark.rfc("6749", "5.2")
@pytest.mark.rfc("8707", "2")
def test_another_grant_type_and_a_scope_or_a_resource_that_is_not_allowed(send, billing):
    assert_error(send.post("/oauth2/token", {"grant_type": "password"}, billing.basic), 400, "unsupported_grant_type")
    assert_error(send.token(billing.basic, {"scope": "admin"}), 400, "invalid_scope")
    assert_error(send.token(billing.basic, {"scope": 'a"b'}), 400, "invalid_scope")
    assert_error(send.token(billing.basic, {"resource": 'https://"\\ü.example.com'}), 400, "invalid_target")


@pytest.mark.rfc("6749", "3.2")
@pytest.mark.parametrize("credentials", ["good", "wrong", "none"])
def test_plain_http_is_never_served_and_never_redirected(send, billing, path, credentials):
    authorization = {"good": billing.basic, "wrong": basic(billing.client_id, "wrong"), "none": None}[credentials]
    answer = send.post(path, GOOD[path], authorization, secure=False)
    assert_error(answer, 400, "invalid_request")
    assert "location" not in answer.headers


@pytest.mark.rfc("6749", "3.2")
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_another_method_than_post(send, billing, path, method):
    answer = send(method, path, headers={"Authorization": billing.basic})
    assert answer.status == 405
    assert answer.headers["allow"] == "POST"
    if method == "HEAD":
        assert answer.body == b""
    else:
        assert_error(answer, 405, "invalid_request")


@pytest.mark.parametrize("rest", [1, 200_000])
def test_a_body_over_64_kib(send, billing, path, rest):
    start = b"grant_type=client_credentials&token=a.b.c&foo="
    assert_error(send.post(path, start + b"x" * (64 * 1024 - len(start) + rest), billing.basic), 413, "invalid_request")
    assert send.post(path, start + b"x" * (64 * 1024 - len(start)), billing.basic).status == 200


def test_too_many_failures(send, billing, path, settings):
    settings.FAILURES_PER_CLIENT = 1
    wrong = basic(billing.client_id, "wrong")
    assert_error(send.post(path, GOOD[path], wrong), 401, "invalid_client")
    answer = send.post(path, GOOD[path], wrong)
    assert_error(answer, 429, "invalid_client")
    assert 0 < int(answer.headers["retry-after"]) <= 300


@pytest.mark.usefixtures("failing_on_purpose")
def test_what_nobody_foresaw_is_a_server_error_that_tells_nothing(send, billing, path):
    # A row that no service writes.
    type(billing.client).objects.filter(pk=billing.client.pk).update(scopes=5)
    answer = send.post(path, GOOD[path], billing.basic)
    assert_error(answer, 500, "server_error")
    assert "int" not in answer.json()["error_description"]


def test_an_unknown_path_below_oauth2_is_told_where_the_endpoints_are_listed(asgi):
    assert_error(asgi.post("/oauth2/device"), 404, "invalid_request")


@pytest.mark.parametrize("endpoint", [token, introspect])
@pytest.mark.parametrize("body", [b"grant_type=client_credentials&token=x", b"&&", b"grant_type=password"])
def test_refused_request_is_forgotten_at_once(billing, now, endpoint, body):
    """It holds a secret and up to 64 KB. The garbage collector would free it later."""

    headers = {"content-type": FORM, "authorization": basic(billing.client_id, "wrong")}
    gc.disable()
    try:
        request = Request("POST", "/oauth2/token", "", headers, body, Connection("127.0.0.1", True, None, "forgotten"), now, set())
        assert endpoint(request).status in (400, 401)
        del request
        assert not [one for one in gc.get_objects() if type(one) is Request and one.connection.request_id == "forgotten"]
    finally:
        gc.enable()
