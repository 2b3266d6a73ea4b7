"""/gateway/<workspace>/verify: forward authentication for reverse proxies, RFC 6750 §3."""

import pytest

from clients.models import RecordedRequest
from tests.oauth.callers import KINDS, credentials
from tests.oauth.conftest import detail_of, reason_of
from tests.oauth.doors import DPOP_CHALLENGE

PATH = "/gateway/demo/verify"


@pytest.mark.parametrize("kind", KINDS)
def test_good_credentials_of_every_kind_pass_with_who_the_caller_is(send, billing, token, kind):
    answer = send.get(PATH, headers=credentials(kind, billing, token))
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["x-tokenos-client-id"] == billing.client_id
    assert answer.headers["x-tokenos-workspace"] == "demo"
    assert answer.headers["x-tokenos-scopes"] == "read write"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("kind", KINDS)
def test_credentials_of_another_workspace_do_not(send, eves, asgi, billing, kind):
    token = asgi.token(eves.basic).json()["access_token"]
    answer = send.get(PATH, headers=credentials(kind, eves, token))
    assert answer.error == (401, "invalid_token")
    assert not any(name.startswith("x-tokenos") for name in answer.headers)
    assert reason_of(answer.request_id) == "other_workspace"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
def test_any_method_will_do_and_no_body_is_read(send, billing, method):
    headers = {"Authorization": billing.basic, "Content-Type": "application/json", "Content-Length": "70000"}
    assert send(method, PATH, headers=headers, body=b"x" * 70_000).status == 200
    assert send(method, PATH).status == 401


@pytest.mark.parametrize("below", ["/", "/v1/orders", "//", "/verify", "/a%20b", "/%C3%BC", "/a%0Ab", "/..%2f..", "/gateway/other/verify"])
def test_a_path_below_is_the_one_that_envoy_appends(send, billing, below):
    assert send.get(PATH + below, billing.basic).status == 200


@pytest.mark.parametrize(
    "path", ["/gateway/demo", "/gateway/demo/", "/gateway/demo/verified", "/gateway//verify", "/gateway/demo/x/verify", "/gateway/demo/verify%0A", "/gateway/"]
)
def test_other_paths_are_not_found(send, billing, path):
    assert send.get(path, billing.basic).status == 404


@pytest.mark.parametrize("workspace", ["nobody", "DEMO", "demo%00", "%C3%BC", "demo%2F", "x" * 2000])
def test_an_unknown_workspace_is_like_anothers(send, billing, workspace):
    answer = send.get(f"/gateway/{workspace}/verify", billing.basic)
    assert answer.status in (401, 404)


@pytest.mark.parametrize(("workspace", "whose"), [("nobody", "the gateway of a workspace that doesn't exist."), ("other", "another workspace's gateway.")])
def test_the_owner_is_told_whether_the_workspace_exists(send, billing, other, workspace, whose):
    """The proxy's configuration has a wrong workspace, or somebody else's."""
    answer = send.get(f"/gateway/{workspace}/verify", billing.basic)
    assert RecordedRequest.objects.get(request_id=answer.request_id).detail == f"The credential was used at {whose}"


@pytest.mark.parametrize(
    ("query", "header", "status"),
    [
        ("", "read write", 200), ("", "read", 200), ("", "read,write", 200), ("", " read , write ", 200), ("scope=read", "write", 200),
        ("", "admin", 403), ("", "read admin", 403), ("scope=read", "admin", 403), ("scope=admin", "read", 403), ("", "read,admin", 403),
    ],
)  # fmt: skip
def test_requirements_in_headers_and_query_add_up(send, billing, query, header, status):
    assert send.get(PATH, billing.basic, query=query, headers={"X-TokenOS-Require-Scope": header}).status == status


NAMES = ["audience", "environment", "scope"]


NOBODY = f'Bearer realm="TokenOS", error="insufficient_scope", {DPOP_CHALLENGE}'


def assert_nobody_gets_in(answer, sentence):
    assert answer.error == (403, "insufficient_scope")
    assert answer.json()["error_description"] == "The credentials are valid, but no client can meet this requirement. The gateway is misconfigured."
    assert answer.headers["www-authenticate"] == NOBODY
    assert not any(name.startswith("x-tokenos") for name in answer.headers)
    assert (reason_of(answer.request_id), detail_of(answer.request_id)) == ("impossible_demand", sentence)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("query", ["{0}=", "{0}", "{0}=+", "{0}=%20%20", "scope=read&{0}=", "{0}=&scope=read", "environment=live&{0}=&{0}=live"])
@pytest.mark.parametrize("name", NAMES)
def test_an_empty_requirement_in_the_query_refuses_everybody(send, billing, token, kind, name, query):
    """As an unset variable leaves it: it was meant to require something."""
    answer = send.get(PATH, headers=credentials(kind, billing, token), query=query.format(name))
    assert_nobody_gets_in(answer, f"The gateway requires an empty {name}, which no client has. Is a variable in the proxy's configuration not set?")


@pytest.mark.parametrize("header", ["", " ", ",", "{0},", ",{0}", "{0}, ,{0}"])
@pytest.mark.parametrize("name", NAMES)
def test_an_empty_requirement_in_a_header_refuses_everybody(send, billing, name, header):
    """Even if the caller adds a value: what both send arrives as one list."""
    good = {"audience": "https://localhost:8443/w/demo", "environment": "live", "scope": "read"}[name]
    answer = send.get(PATH, billing.basic, headers={f"X-TokenOS-Require-{name.title()}": header.format(good)})
    assert_nobody_gets_in(answer, f"The gateway requires an empty {name}, which no client has. Is a variable in the proxy's configuration not set?")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("X-TokenOS-Require-Scopes", "x-tokenos-require-scopes"), ("X-TokenOS-Require-Audiance", "x-tokenos-require-audiance"),
        ("X-TokenOS-Required-Audience", "x-tokenos-required-audience"), ("X-TokenOS-Requires", "x-tokenos-requires"),
        ("X-TokenOS-Require-", "x-tokenos-require-"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", ["read", ""])
def test_a_requirement_in_an_unknown_header_refuses_everybody(send, billing, header, said, value):
    answer = send.get(PATH, billing.basic, headers={header: value, "X-TokenOS-Require-Scope": "read"})
    assert_nobody_gets_in(
        answer,
        f"The gateway got a requirement in the header {said}, which TokenOS doesn't know. It knows X-TokenOS-Require-Audience, "
        "X-TokenOS-Require-Environment and X-TokenOS-Require-Scope.",
    )


MISSPELT = ["scopes", "Scope", "SCOPE", "aud", "Audience", "audiance", "env", "environments"]


@pytest.mark.parametrize("name", MISSPELT)
@pytest.mark.parametrize("value", ["=read", "=", ""])
def test_a_requirement_in_a_misspelt_parameter_refuses_everybody(send, billing, name, value):
    answer = send.get(PATH, billing.basic, query=f"scope=read&{name}{value}")
    sentence = f"The gateway got a requirement in the parameter {name}, which TokenOS doesn't know. It knows audience, environment and scope."
    assert_nobody_gets_in(answer, sentence)


@pytest.mark.parametrize("name", MISSPELT)
def test_below_the_address_a_similar_parameter_is_the_callers_own(send, billing, name):
    """Envoy appends the original path and query."""
    assert send.get(f"{PATH}/", billing.basic, query=f"{name}=x").status == 200
    assert send.get(f"{PATH}/v1/orders", billing.basic, query=f"{name}=x").status == 200


def test_a_caller_without_valid_credentials_learns_nothing_about_the_requirements(send, eves):
    assert send.get(PATH, query="scope=").status == 401
    assert send.get(PATH, eves.basic, query="scopes=read").error == (401, "invalid_token")


def test_plain_http_is_refused(send, billing):
    assert send.get(PATH, billing.basic, secure=False).error == (400, "invalid_request")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("environment", ["live", "test"])
def test_it_says_which_environment_the_caller_is_of(send, asgi, demo, make, environment, kind):
    program = make(demo, environment=environment)
    answer = send.get(PATH, headers=credentials(kind, program, asgi.token(program.basic).json()["access_token"]))
    assert (answer.status, answer.headers["x-tokenos-environment"]) == (200, environment)
