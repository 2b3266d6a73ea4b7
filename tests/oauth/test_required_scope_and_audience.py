"""What a gateway or an API requires of a caller that is authenticated: scopes, an audience, an environment. RFC 6750 §3.1, RFC 9068 §4."""

import pytest

from clients.models import Scope
from tests.oauth.callers import KINDS, credentials
from tests.oauth.conftest import reason_of
from tests.oauth.doors import DPOP_CHALLENGE, bearer

API = "https://api.example.com"
PATH = "/gateway/demo/verify"


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


def test_many_required_scopes_are_not_repeated_in_the_header(send, billing, demo):
    """A proxy that holds only 4 KB of header fields would take TokenOS for failed."""
    names = [f"{'s' * 120}{number}" for number in range(20)]
    Scope.objects.bulk_create(Scope(workspace=demo, name=name) for name in names)
    assert f'scope="{names[0]}"' in send.get(PATH, billing.basic, query=f"scope={names[0]}").headers["www-authenticate"]
    answer = send.get(PATH, billing.basic, headers={"X-TokenOS-Require-Scope": " ".join(names)})
    assert (answer.status, answer.headers["www-authenticate"]) == (403, f'Bearer realm="TokenOS", error="insufficient_scope", {DPOP_CHALLENGE}')


def test_enough_scopes_pass_and_the_tokens_count_not_the_clients(send, billing):
    for query in ("scope=read", "scope=read+write", "scope=write&scope=read", "foo=bar", "%", "", "&", "=admin", "scope=read%20write"):
        assert send.get(PATH, billing.basic, query=query).status == 200
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
def test_the_required_audience_must_be_one_of_the_callers(asgi, demo, make, kind, query, header, status):
    program = make(demo, audiences=(API,))
    token = asgi.token(program.basic).json()["access_token"]
    demanded = {} if header is None else {"X-TokenOS-Require-Audience": header}
    answer = asgi.get(PATH, query=query, headers={**credentials(kind, program, token), **demanded})
    assert answer.status == status
    if status == 401:
        assert answer.error == (401, "invalid_token")


@pytest.mark.rfc("9068", "4")
def test_a_token_for_another_audience_is_refused_and_passes_a_gateway_that_requires_none(send, demo, make):
    program = make(demo, audiences=(API,))
    token = bearer(send.token(program.basic).json()["access_token"])
    assert send.get(PATH, token).status == 200
    answer = send.get("/api/v1/whoami", token)
    assert answer.error == (401, "invalid_token")
    assert reason_of(answer.request_id) == "wrong_audience"
    own = send.token(program.basic, {"resource": "https://localhost:8443/w/demo"}).json()["access_token"]
    assert send.get("/api/v1/whoami", bearer(own)).status == 200
    assert send.get("/api/v1/whoami", program.basic).status == 200


@pytest.mark.parametrize("scope", ["%0d%0aSet-Cookie:+x%3Dy", "%22", "%5C", "%00", "%C3%BC", "%FF", "a%22,+error%3D%22none", "%E2%80%A8"])
def test_a_requirement_cannot_break_out_of_the_header(send, billing, scope):
    answer = send.get(PATH, billing.basic, query=f"scope={scope}")
    assert answer.error == (403, "insufficient_scope")
    assert answer.headers["www-authenticate"] == f'Bearer realm="TokenOS", error="insufficient_scope", {DPOP_CHALLENGE}'
    assert "set-cookie" not in answer.headers


@pytest.fixture
def programs(demo, make):
    """One client of each environment, the same otherwise."""
    return {environment: make(demo, environment=environment) for environment in ("live", "test")}


@pytest.fixture
def token_of(asgi):
    def token_of(program):
        return asgi.token(program.basic).json()["access_token"]

    return token_of


@pytest.mark.parametrize(
    ("query", "header", "passes"),
    [
        ("environment=live", None, {"live"}), ("", "live", {"live"}), ("environment=live", "live", {"live"}), ("environment=test", None, {"test"}),
        ("environment=live", "test", set()), ("environment=live&environment=test", None, set()), ("", "live,test", set()),
        ("environment=live&scope=read", None, {"live"}), ("environment=production", None, set()), ("environment=LIVE", None, set()),
        ("environment=live+test", None, set()), ("environment=%FF", None, set()), ("environment=live&scope=admin", None, set()),
    ],
)  # fmt: skip
def test_the_required_environment_must_match_the_client_and_requirements_add_up(asgi, programs, token_of, query, header, passes):
    for environment, program in programs.items():
        for kind in KINDS:
            demanded = {} if header is None else {"X-TokenOS-Require-Environment": header}
            sent = {**credentials(kind, program, token_of(program)), **demanded}
            answer = asgi.get(PATH, query=query, headers=sent)
            assert answer.status == (200 if environment in passes else 403)


@pytest.mark.rfc("6750", "3.1")
def test_who_is_of_another_environment_is_forbidden_and_the_owner_reads_why(send, programs, token_of):
    answer = send.get(PATH, bearer(token_of(programs["test"])), query="environment=live")
    assert answer.error == (403, "insufficient_scope")
    assert answer.json()["error_description"] == "The credentials are valid, but they belong to a test client, which may not call here."
    assert answer.headers["www-authenticate"] == f'Bearer realm="TokenOS", error="insufficient_scope", {DPOP_CHALLENGE}'
    assert not any(name.startswith("x-tokenos") for name in answer.headers)
    assert reason_of(answer.request_id) == "other_environment"


@pytest.mark.parametrize("demanded", ["%0d%0aSet-Cookie:+x%3Dy", "%22", "%00", "%C3%BC", "tos_live_secret"])
def test_the_required_value_is_not_repeated(send, programs, demanded):
    answer = send.get(PATH, programs["live"].basic, query=f"environment={demanded}")
    assert answer.error == (403, "insufficient_scope")
    assert answer.json()["error_description"] == "The credentials are valid, but they belong to a live client, which may not call here."
    assert "set-cookie" not in answer.headers
