"""/gateway/<workspace>/verify: forward authentication for reverse proxies, RFC 6750 §3."""

import pytest

from clients.models import RecordedRequest
from tests.oauth.conftest import detail_of, reason_of
from tests.oauth.doors import DPOP_CHALLENGE, basic, bearer

PATH = "/gateway/demo/verify"
API = "https://api.example.com"


@pytest.fixture
def token(asgi, billing):
    return asgi.token(billing.basic).json()["access_token"]


def credentials(kind, program, token):
    match kind:
        case "token":
            return {"Authorization": bearer(token)}
        case "basic":
            return {"Authorization": program.basic}
        case "bearer key":
            return {"Authorization": bearer(program.secret)}
        case "header key":
            return {"X-API-Key": program.secret}


KINDS = ["token", "basic", "bearer key", "header key"]


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
    """The proxy's configuration has a wrong name, or somebody else's."""
    answer = send.get(f"/gateway/{workspace}/verify", billing.basic)
    assert RecordedRequest.objects.get(request_id=answer.request_id).detail == f"The credential was used at {whose}"


@pytest.mark.rfc("6750", "3")
def test_without_credentials_the_challenge_carries_no_error(send, demo):
    answer = send.get(PATH)
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == f'Bearer realm="TokenOS", {DPOP_CHALLENGE}'


@pytest.mark.rfc("6750", "3.1")
@pytest.mark.parametrize(
    "header", [{"Authorization": "Bearer a.b.c"}, {"X-API-Key": "nonsense"}, {"X-API-Key": ""}, {"X-API-Key": "é"}, {"Authorization": "DPoP x"}]
)
def test_bad_credentials_are_challenged(send, demo, header):
    answer = send.get(PATH, headers=header)
    assert answer.error == (401, "invalid_token")
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_two_credentials_at_once_are_refused(send, billing, token):
    assert send.get(PATH, bearer(token), headers={"X-API-Key": billing.secret}).status == 401
    assert send.get(PATH, headers={"X-API-Key": f"{billing.secret},{billing.secret}"}).status == 401
    assert send.get(PATH, f"{billing.basic},{billing.basic}").status == 401


@pytest.mark.rfc("6750", "3.1")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("query", "demanded"),
    [
        ("scope=read+admin", "read admin"),
        ("scope=admin", "admin"),
        ("scope=read&scope=admin", "read admin"),
        ("%73cope=admin", "admin"),
        ("scope=read%2Cwrite", "read,write"),
    ],
)
def test_too_few_scopes_are_forbidden(send, billing, token, kind, query, demanded):
    answer = send.get(PATH, headers=credentials(kind, billing, token), query=query)
    assert answer.error == (403, "insufficient_scope")
    assert answer.headers["www-authenticate"] == f'Bearer realm="TokenOS", error="insufficient_scope", scope="{demanded}", {DPOP_CHALLENGE}'
    assert not any(name.startswith("x-tokenos") for name in answer.headers)
    assert reason_of(answer.request_id) == "insufficient_scope"


@pytest.mark.parametrize("query", ["scope=read", "scope=read+write", "scope=write&scope=read", "foo=bar", "%", "", "&", "=admin", "scope=read%20write"])
def test_enough_scopes_pass(send, billing, query):
    assert send.get(PATH, billing.basic, query=query).status == 200


@pytest.mark.parametrize(
    ("query", "header", "status"),
    [
        ("", "read write", 200), ("", "read", 200), ("", "read,write", 200), ("", " read , write ", 200), ("scope=read", "write", 200),
        ("", "admin", 403), ("", "read admin", 403), ("scope=read", "admin", 403), ("scope=admin", "read", 403), ("", "read,admin", 403),
    ],
)  # fmt: skip
def test_the_headers_demands_add_to_the_querys(send, billing, query, header, status):
    assert send.get(PATH, billing.basic, query=query, headers={"X-TokenOS-Require-Scope": header}).status == status


def test_the_tokens_scopes_count_not_the_clients(send, billing):
    token = send.token(billing.basic, {"scope": "read"}).json()["access_token"]
    assert send.get(PATH, bearer(token), query="scope=write").status == 403
    assert send.get(PATH, bearer(token)).headers["x-tokenos-scopes"] == "read"


@pytest.mark.rfc("9068", "4")
@pytest.mark.parametrize(
    ("query", "header", "status"),
    [
        (f"audience={API}", None, 200), ("", API, 200), (f"audience={API}", API, 200), ("audience=https://localhost:8443/w/demo", None, 401),
        (f"audience={API}&audience=https://x.example.com", None, 401), (f"audience={API}", "https://x.example.com", 401),
        ("", f"{API},https://x.example.com", 401), ("audience=%00", None, 401), ("audience=%FF", None, 401),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", KINDS)
def test_a_demanded_audience_has_to_be_among_the_callers(asgi, demo, make, kind, query, header, status):
    program = make(demo, audiences=(API,))
    token = asgi.token(program.basic).json()["access_token"]
    demanded = {} if header is None else {"X-TokenOS-Require-Audience": header}
    answer = asgi.get(PATH, query=query, headers={**credentials(kind, program, token), **demanded})
    assert answer.status == status
    if status == 401:
        assert answer.error == (401, "invalid_token")


def test_by_default_any_audience_passes(send, demo, make):
    program = make(demo, audiences=(API,))
    assert send.get(PATH, bearer(send.token(program.basic).json()["access_token"])).status == 200


NAMES = ["audience", "environment", "scope"]
NOBODY = f'Bearer realm="TokenOS", error="insufficient_scope", {DPOP_CHALLENGE}'


def assert_nobody_gets_in(answer, sentence):
    assert answer.error == (403, "insufficient_scope")
    assert answer.json()["error_description"] == "The credentials are valid, but no client can meet what is required here. The gateway is set up wrongly."
    assert answer.headers["www-authenticate"] == NOBODY
    assert not any(name.startswith("x-tokenos") for name in answer.headers)
    assert (reason_of(answer.request_id), detail_of(answer.request_id)) == ("impossible_demand", sentence)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("query", ["{0}=", "{0}", "{0}=+", "{0}=%20%20", "scope=read&{0}=", "{0}=&scope=read", "environment=live&{0}=&{0}=live"])
@pytest.mark.parametrize("name", NAMES)
def test_an_empty_demand_in_the_query_lets_nobody_in(send, billing, token, kind, name, query):
    """As a variable that isn't set leaves behind: it was to demand something."""
    answer = send.get(PATH, headers=credentials(kind, billing, token), query=query.format(name))
    assert_nobody_gets_in(answer, f"The gateway requires an empty {name}, which no client has. Is a variable in the proxy's configuration not set?")


@pytest.mark.parametrize("header", ["", " ", ",", "{0},", ",{0}", "{0}, ,{0}"])
@pytest.mark.parametrize("name", NAMES)
def test_an_empty_demand_in_a_header_lets_nobody_in(send, billing, name, header):
    """Nor where the caller fills it: what both send arrives as one list."""
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
def test_a_demand_by_an_unknown_header_lets_nobody_in(send, billing, header, said, value):
    answer = send.get(PATH, billing.basic, headers={header: value, "X-TokenOS-Require-Scope": "read"})
    assert_nobody_gets_in(
        answer,
        f"The gateway got a requirement in the header {said}, which TokenOS doesn't know. It knows X-TokenOS-Require-Audience, "
        "X-TokenOS-Require-Environment and X-TokenOS-Require-Scope.",
    )


MISSPELT = ["scopes", "Scope", "SCOPE", "aud", "Audience", "audiance", "env", "environments"]


@pytest.mark.parametrize("name", MISSPELT)
@pytest.mark.parametrize("value", ["=read", "=", ""])
def test_a_demand_by_a_misspelt_parameter_lets_nobody_in(send, billing, name, value):
    answer = send.get(PATH, billing.basic, query=f"scope=read&{name}{value}")
    sentence = f"The gateway got a requirement in the parameter {name}, which TokenOS doesn't know. It knows audience, environment and scope."
    assert_nobody_gets_in(answer, sentence)


@pytest.mark.parametrize("name", MISSPELT)
def test_below_the_address_a_parameter_that_only_looks_like_a_demand_is_the_callers_own(send, billing, name):
    """Envoy appends the original path and query."""
    assert send.get(f"{PATH}/", billing.basic, query=f"{name}=x").status == 200
    assert send.get(f"{PATH}/v1/orders", billing.basic, query=f"{name}=x").status == 200


def test_who_has_no_good_credentials_learns_nothing_of_the_demands(send, eves):
    assert send.get(PATH, query="scope=").status == 401
    assert send.get(PATH, eves.basic, query="scopes=read").error == (401, "invalid_token")


@pytest.mark.parametrize("scope", ["%0d%0aSet-Cookie:+x%3Dy", "%22", "%5C", "%00", "%C3%BC", "%FF", "a%22,+error%3D%22none", "%E2%80%A8"])
def test_what_is_demanded_cannot_break_out_of_the_header(send, billing, scope):
    answer = send.get(PATH, billing.basic, query=f"scope={scope}")
    assert answer.error == (403, "insufficient_scope")
    assert answer.headers["www-authenticate"] == f'Bearer realm="TokenOS", error="insufficient_scope", {DPOP_CHALLENGE}'
    assert "set-cookie" not in answer.headers


def test_basic_that_fails_is_challenged_with_basic(send, billing):
    assert send.get(PATH, basic(billing.client_id, "wrong")).headers["www-authenticate"].startswith("Basic ")


def test_plain_http_is_refused(send, billing):
    assert send.get(PATH, billing.basic, secure=False).error == (400, "invalid_request")
