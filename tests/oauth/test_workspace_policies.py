"""What a workspace requires of its clients, at the token endpoint and at resources: at the very next request, with the reason for the owner."""

from django.db import connection

from tests.oauth.conftest import demand


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


def test_policies_cost_no_further_statement(asgi, demo, billing, now, django_assert_num_queries):
    demand(demo, now, max_token_lifetime=600, allowed_auth_methods=["client_secret_basic"])
    asgi.token(billing.basic)
    with django_assert_num_queries(1, connection=connection):
        asgi.token(billing.basic)
