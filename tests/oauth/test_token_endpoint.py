"""POST /oauth2/token, RFC 6749 §4.4 and §5.1, RFC 8707."""

from datetime import timedelta

import jwt
import pytest

from tests.oauth.doors import FORM

ISSUER = "https://localhost:8443"
API = "https://api.example.com"
REPORTS = "https://reports.example.com/v1?part=a"


def claims_of(answer):
    assert answer.status == 200, answer.body
    return jwt.decode(answer.json()["access_token"], options={"verify_signature": False})


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
    claims = claims_of(answer)
    assert answer.json()["expires_in"] == claims["exp"] - claims["iat"] == 90


@pytest.mark.rfc("6749", "3.3")
@pytest.mark.parametrize(
    ("asked", "granted"),
    [("write", "write"), ("write read", "write read"), ("read write", "read write"), ("read read", "read"), ("", "read write"), (None, "read write")],
)
def test_scope_is_granted_in_the_order_asked_for_and_without_scope_all_of_them(send, billing, asked, granted):
    answer = send.token(billing.basic, {} if asked is None else {"scope": asked})
    assert answer.json()["scope"] == granted
    assert claims_of(answer)["scope"] == granted


@pytest.mark.rfc("6749", "3.3")
@pytest.mark.parametrize(
    "scope", ["admin", "read admin", "clients:read", "READ", "read  write", " read", "read ", "read,write", 're"ad', "re\\ad", "lesen ü", "read\twrite"]
)
def test_a_scope_that_is_unknown_malformed_or_not_allowed_is_invalid_scope(send, billing, scope):
    answer = send.token(billing.basic, {"scope": scope})
    assert answer.error == (400, "invalid_scope")
    assert "access_token" not in answer.json()


@pytest.mark.rfc("6749", "3.3")
def test_a_client_without_scopes_gets_a_token_without_scope(send, demo, make):
    quiet = make(demo, scopes=())
    answer = send.token(quiet.basic)
    assert "scope" not in answer.json()
    assert "scope" not in claims_of(answer)
    token = answer.json()["access_token"]
    assert send.get("/api/v1/whoami", f"Bearer {token}").json()["scopes"] == []
    assert "scope" not in send.post("/oauth2/introspect", {"token": token}, quiet.basic).json()


@pytest.mark.rfc("8707", "2")
def test_without_resource_the_audience_is_the_workspaces_own(send, billing):
    assert claims_of(send.token(billing.basic))["aud"] == f"{ISSUER}/w/demo"


@pytest.mark.rfc("8707", "2")
@pytest.mark.parametrize(
    ("asked", "audience"),
    [
        ([], [API, REPORTS]),
        ([""], [API, REPORTS]),
        ([API], API),
        ([REPORTS], REPORTS),
        ([REPORTS, API], [REPORTS, API]),
        ([API, API], API),
        ([f"{ISSUER}/w/demo"], f"{ISSUER}/w/demo"),
        ([f"{ISSUER}/w/demo", API], [f"{ISSUER}/w/demo", API]),
    ],
)
def test_resource_chooses_among_the_clients_audiences_and_the_workspaces(send, demo, make, asked, audience):
    program = make(demo, audiences=(API, REPORTS))
    assert claims_of(send.token(program.basic, [("resource", uri) for uri in asked]))["aud"] == audience


@pytest.mark.rfc("8707", "2")
@pytest.mark.parametrize(
    "resource",
    [
        "https://elsewhere.example.com", f"{API}/", API.upper(), f"{ISSUER}/w/other", f"{ISSUER}/w/demo-2", f"{ISSUER}/w/demo/x", ISSUER, "not a uri",
        f"{API}#part", "/relative", "ü", "x" * 5000,
    ],
)  # fmt: skip
def test_a_resource_that_is_not_the_clients_is_invalid_target(send, demo, make, resource):
    program = make(demo, audiences=(API,))
    assert send.token(program.basic, [("resource", API), ("resource", resource)]).error == (400, "invalid_target")


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


def test_without_a_signing_key_it_is_temporarily_unavailable(send, billing, signing_key):
    signing_key.delete()
    answer = send.token(billing.basic)
    assert answer.error == (503, "temporarily_unavailable")
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.apart
def test_with_a_signing_key_that_nothing_opens_it_is_temporarily_unavailable(send, billing, settings):
    settings.KEY_ENCRYPTION_KEYS = ["another-" + "2" * 40]
    assert send.token(billing.basic).error == (503, "temporarily_unavailable")
    settings.KEY_ENCRYPTION_KEYS = ["another-" + "2" * 40, "only-for-tests-" + "1" * 40]
    assert send.token(billing.basic).status == 200
