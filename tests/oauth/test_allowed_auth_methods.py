"""The authentication methods that a client and its workspace allow: at the next request, with the reason for the owner."""

import pytest

from oauth import lookup
from oauth.throttling import NOT_COUNTED
from tests.oauth.conftest import demand, reason_of
from tests.oauth.doors import bearer


def test_method_that_is_no_longer_allowed_is_refused_at_once(send, demo, billing, now):
    assert send.token(billing.basic).status == 200
    demand(demo, now, allowed_auth_methods=["client_secret_post"])
    answer = send.token(billing.basic)
    assert answer.error == (401, "invalid_client")
    assert reason_of(answer.request_id) == "method_against_policy"
    assert send.token(None, billing.form).status == 200
    demand(demo, now, allowed_auth_methods=[])
    assert send.token(billing.basic).status == 200


def test_method_of_neither_client_nor_workspace_is_the_clients_matter(send, demo, make, now):
    program = make(demo, auth_methods=["client_secret_post"])
    demand(demo, now, allowed_auth_methods=["client_secret_basic"])
    assert reason_of(send.token(program.basic).request_id) == "method_not_allowed"
    assert reason_of(send.token(None, program.form).request_id) == "method_against_policy"


def test_api_key_is_refused_as_basic_is(send, demo, billing, now):
    assert send.get("/api/v1/whoami", f"Bearer {billing.secret}").status == 200
    demand(demo, now, allowed_auth_methods=["private_key_jwt"])
    answer = send.get("/api/v1/whoami", f"Bearer {billing.secret}")
    assert answer.status == 401
    assert reason_of(answer.request_id) == "method_against_policy"


def test_tokens_from_a_forbidden_method_stay_valid_until_they_expire(send, demo, billing, token, now):
    demand(demo, now, allowed_auth_methods=["private_key_jwt"])
    assert send.get("/api/v1/whoami", f"Bearer {token}").status == 200


@pytest.mark.parametrize("method", ["tls_client_auth", "self_signed_tls_client_auth"])
def test_owner_reads_that_the_policy_refused_a_certificate(asgi, demo, make, now, method):
    fields = {"tls_subject_type": "tls_client_auth_san_dns", "tls_subject": "billing.example.com"} if method == "tls_client_auth" else {}
    program = make(demo, auth_methods=[method], **fields)
    demand(demo, now, allowed_auth_methods=["client_secret_basic"])
    registered = lookup.find_by_certificate(client_id=program.client_id, thumbprint="x", failure_keys=NOT_COUNTED, now=now).client
    assert (registered.auth_methods, registered.forbidden_auth_methods) == ((), (method,))


@pytest.mark.parametrize(("methods", "by_basic", "by_body"), [(("client_secret_basic",), 200, 401), (("client_secret_post",), 401, 200)])
def test_only_the_methods_of_the_client_work(send, demo, make, methods, by_basic, by_body):
    program = make(demo, auth_methods=methods)
    assert send.token(program.basic).status == by_basic
    assert send.token(None, program.form).status == by_body


@pytest.mark.parametrize("credentials", ["basic", "api key"])
def test_a_client_that_may_not_use_basic_calls_with_tokens_only(send, demo, make, credentials):
    program = make(demo, auth_methods=("client_secret_post",))
    answer = send.get("/api/v1/whoami", program.basic if credentials == "basic" else bearer(program.secret))
    assert answer.status == 401
    assert reason_of(answer.request_id) == "method_not_allowed"
    assert send.get("/api/v1/whoami", bearer(send.token(None, program.form).json()["access_token"])).status == 200
