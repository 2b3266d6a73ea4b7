"""What a workspace demands of its clients, at the token endpoint and at resources: at the very next request, with the reason for the owner."""

from datetime import timedelta

import pytest
from django.db import connection

from clients.models import Client
from clients.services.deletion import delete_workspace, keep_workspace
from clients.services.scopes import remove_audience, remove_scope
from clients.services.workspaces import change_workspace
from oauth import lookup
from oauth.throttling import NOT_COUNTED
from tests.factories import TESTS
from tests.oauth.conftest import reason_of


def demand(workspace, now, **fields):
    return change_workspace(workspace=workspace, actor=TESTS, now=now, **fields)


@pytest.fixture
def token(send, billing):
    return send.token(billing.basic).json()["access_token"]


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


def test_tokens_that_a_forbidden_method_obtained_live_until_they_end(send, demo, billing, token, now):
    demand(demo, now, allowed_auth_methods=["private_key_jwt"])
    assert send.get("/api/v1/whoami", f"Bearer {token}").status == 200


@pytest.mark.parametrize("method", ["tls_client_auth", "self_signed_tls_client_auth"])
def test_owner_reads_that_the_policy_refused_a_certificate(asgi, demo, make, now, method):
    fields = {"tls_subject_type": "tls_client_auth_san_dns", "tls_subject": "billing.example.com"} if method == "tls_client_auth" else {}
    program = make(demo, auth_methods=[method], **fields)
    demand(demo, now, allowed_auth_methods=["client_secret_basic"])
    registered = lookup.find_by_certificate(client_id=program.client_id, thumbprint="x", failure_keys=NOT_COUNTED, now=now).client
    assert (registered.auth_methods, registered.forbidden_auth_methods) == ((), (method,))


def test_token_lives_no_longer_than_the_workspace_allows(send, demo, billing, now):
    demand(demo, now, max_token_lifetime=600)
    answer = send.token(billing.basic).json()
    assert answer["expires_in"] == 600
    introspected = send.post("/oauth2/introspect", {"token": answer["access_token"]}, billing.basic).json()
    assert introspected["exp"] - introspected["iat"] == 600
    demand(demo, now, max_token_lifetime=7200)
    assert send.token(billing.basic).json()["expires_in"] == 3600


def test_other_workspaces_are_left_alone(send, demo, other, make, now):
    demand(demo, now, max_token_lifetime=600, allowed_auth_methods=["private_key_jwt"])
    assert send.token(make(other).basic).json()["expires_in"] == 3600


def test_clients_and_tokens_of_a_deleted_workspace_are_dead_until_it_is_kept(send, demo, billing, token, now):
    delete_workspace(workspace=demo, typed_slug="demo", actor=TESTS, now=now)
    for answer in (send.token(billing.basic), send.get("/api/v1/whoami", f"Bearer {token}"), send.get("/api/v1/whoami", f"Bearer {billing.secret}")):
        assert answer.status == 401
        assert reason_of(answer.request_id) == "workspace_deleted"
    keep_workspace(workspace=demo, actor=TESTS, now=now + timedelta(days=1))
    assert send.token(billing.basic).status == 200
    assert send.get("/api/v1/whoami", f"Bearer {token}").status == 200


def test_scope_that_is_removed_is_refused_and_living_tokens_keep_it(send, demo, billing, token, now):
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


def test_policies_cost_no_further_statement(asgi, demo, billing, now, django_assert_num_queries):
    demand(demo, now, max_token_lifetime=600, allowed_auth_methods=["client_secret_basic"])
    asgi.token(billing.basic)
    with django_assert_num_queries(1, connection=connection):
        asgi.token(billing.basic)
