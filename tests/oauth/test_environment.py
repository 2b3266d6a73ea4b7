"""Whether a caller is a test client or a live one, told to resource servers: by the token, by introspection, and by the gateway, which takes a demand."""

import jwt
import pytest

from tests.oauth.conftest import reason_of
from tests.oauth.doors import DPOP_CHALLENGE, bearer
from tests.oauth.test_gateway import KINDS, PATH, credentials

ENVIRONMENTS = ["live", "test"]


@pytest.fixture
def programs(demo, make):
    """One client of each environment, the same otherwise."""
    return {environment: make(demo, environment=environment) for environment in ENVIRONMENTS}


@pytest.fixture
def token_of(asgi):
    def token_of(program):
        return asgi.token(program.basic).json()["access_token"]

    return token_of


def claims_of(token):
    return jwt.decode(token, options={"verify_signature": False})


@pytest.mark.rfc("9068", "2.2")
def test_token_of_a_test_client_says_so_and_that_of_a_live_one_has_no_such_claim(send, programs):
    tokens = {environment: send.token(program.basic).json()["access_token"] for environment, program in programs.items()}
    claims = {environment: claims_of(token) for environment, token in tokens.items()}
    assert claims["test"]["environment"] == "test"
    assert claims["test"].keys() - claims["live"].keys() == {"environment"}
    assert "environment" not in claims["live"]


@pytest.mark.rfc("7662", "2.2")
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_introspection_says_it_always(send, programs, token_of, environment):
    program = programs[environment]
    assert send.post("/oauth2/introspect", {"token": token_of(program)}, programs["live"].basic).json()["environment"] == environment
    assert send.post("/oauth2/introspect", {"token": "x"}, programs["live"].basic).json() == {"active": False}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_gateway_lets_each_through_and_says_which(send, programs, token_of, environment, kind):
    program = programs[environment]
    answer = send.get(PATH, headers=credentials(kind, program, token_of(program)))
    assert (answer.status, answer.headers["x-tokenos-environment"]) == (200, environment)


@pytest.mark.parametrize(
    ("query", "header", "passes"),
    [
        ("environment=live", None, {"live"}), ("", "live", {"live"}), ("environment=live", "live", {"live"}), ("environment=test", None, {"test"}),
        ("environment=live", "test", set()), ("environment=live&environment=test", None, set()), ("", "live,test", set()),
        ("environment=live&scope=read", None, {"live"}), ("environment=production", None, set()), ("environment=LIVE", None, set()),
        ("environment=live+test", None, set()), ("environment=%FF", None, set()), ("environment=live&scope=admin", None, set()),
    ],
)  # fmt: skip
def test_a_demanded_environment_has_to_be_the_clients_and_demands_add_up(asgi, programs, token_of, query, header, passes):
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
def test_nothing_of_what_was_demanded_is_repeated(send, programs, demanded):
    answer = send.get(PATH, programs["live"].basic, query=f"environment={demanded}")
    assert answer.error == (403, "insufficient_scope")
    assert answer.json()["error_description"] == "The credentials are valid, but they belong to a live client, which may not call here."
    assert "set-cookie" not in answer.headers
