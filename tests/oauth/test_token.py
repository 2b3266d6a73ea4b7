"""POST /oauth2/token, RFC 6749 §4.4 and §5.1. Scopes and audiences are in test_requested_scope_and_resource.py."""

from datetime import timedelta

import pytest

from tests.oauth.doors import FORM

API = "https://api.example.com"


@pytest.mark.rfc("6749", "2.3.1")
@pytest.mark.rfc("6749", "4.4.3")
@pytest.mark.rfc("6749", "5.1")
def test_basic_and_body_get_a_token_that_no_cache_keeps(send, billing):
    for answer in (send.token(billing.basic), send.token(None, billing.form)):
        assert answer.status == 200
        assert answer.headers["content-type"] == "application/json"
        assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
        assert answer.headers["x-request-id"]
        token = answer.json()
        assert token.pop("access_token").count(".") == 2
        assert token == {"token_type": "Bearer", "expires_in": 3600, "scope": "read write"}


@pytest.mark.rfc("6749", "5.1")
def test_expires_in_is_the_lifetime_of_the_clients_tokens(send, demo, make):
    answer = send.token(make(demo, token_lifetime=timedelta(seconds=90)).basic)
    claims = answer.claims
    assert answer.json()["expires_in"] == claims["exp"] - claims["iat"] == 90


@pytest.mark.rfc("6749", "5.2")
@pytest.mark.parametrize(
    "grant_type",
    ["authorization_code", "password", "refresh_token", "CLIENT_CREDENTIALS", "client_credentials ", "urn:ietf:params:oauth:grant-type:jwt-bearer"],
)
def test_another_grant_type_is_unsupported(send, billing, grant_type):
    assert send.post("/oauth2/token", {"grant_type": grant_type}, billing.basic).error == (400, "unsupported_grant_type")


@pytest.mark.rfc("6749", "3.2")
def test_unknown_parameters_and_those_without_a_value_are_ignored_and_so_is_a_query_without_credentials(send, billing):
    empty = {"client_id": "", "client_secret": "", "client_assertion": "", "client_assertion_type": "", "scope": "", "resource": ""}
    for form in ({"foo": "bar", "audience": API, "Scope": "admin"}, empty):
        assert send.token(billing.basic, form).status == 200
    for content_type in (FORM, FORM.upper(), f"{FORM}; charset=UTF-8", f"{FORM};charset=utf-8"):
        assert send.token(billing.basic, headers={"Content-Type": content_type}).status == 200
    for query in ("foo=bar", "scope=admin", "&&", "%", "a=%ff"):
        assert send.token(billing.basic, query=query).json()["scope"] == "read write"
