"""POST /oauth2/token, RFC 6749 §4.4 and §5.1. Scopes and audiences are in test_client_credentials.py."""

from datetime import timedelta

import pytest

from tests.oauth.doors import FORM

API = "https://api.example.com"


@pytest.mark.rfc("6749", "4.4.3")
@pytest.mark.rfc("6749", "5.1")
def test_basic_gets_a_token(send, billing):
    answer = send.token(billing.basic)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-request-id"]
    assert "refresh_token" not in answer.json()
    token = answer.json()
    assert token.pop("access_token").count(".") == 2
    assert token == {"token_type": "Bearer", "expires_in": 3600, "scope": "read write"}


@pytest.mark.rfc("6749", "5.1")
def test_a_cache_of_http_1_0_keeps_no_token_either(send, billing):
    assert send.token(billing.basic).headers["pragma"] == "no-cache"


@pytest.mark.rfc("6749", "2.3.1")
def test_body_gets_a_token(send, billing):
    assert send.token(None, billing.form).status == 200


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
def test_unknown_parameters_are_ignored(send, billing):
    assert send.token(billing.basic, {"foo": "bar", "audience": API, "Scope": "admin"}).status == 200


@pytest.mark.rfc("6749", "3.2")
def test_parameters_without_a_value_count_as_absent(send, billing):
    empty = {"client_id": "", "client_secret": "", "client_assertion": "", "client_assertion_type": "", "scope": "", "resource": ""}
    assert send.token(billing.basic, empty).status == 200


@pytest.mark.parametrize("content_type", [FORM, FORM.upper(), f"{FORM}; charset=UTF-8", f"{FORM};charset=utf-8"])
def test_the_content_type_may_have_parameters_and_any_case(send, billing, content_type):
    assert send.token(billing.basic, headers={"Content-Type": content_type}).status == 200


@pytest.mark.parametrize("query", ["foo=bar", "scope=admin", "&&", "%", "a=%ff"])
def test_a_query_without_credentials_is_ignored(send, billing, query):
    assert send.token(billing.basic, query=query).json()["scope"] == "read write"
