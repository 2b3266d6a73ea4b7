"""The samples that verify a token in an API: docs/tokens.md's, the dashboard's, and the command of the quickstart, run against the real server."""

from collections.abc import Callable
from html import unescape
from typing import Any

import jwt
import pytest
from django.template.loader import render_to_string

from tests.docs.pages import block
from tests.docs.test_samples import environment, fetch_token
from tests.oauth.proofs import new_key
from tests.servers.conftest import Server

SECTION = "Verification in your API"


@pytest.fixture(scope="module")
def client(server: Server) -> dict[str, Any]:
    created: dict[str, Any] = server.manage("create_client", "--workspace", "demo", "--name", "billing-sync", "--scope", "read write")
    return created


@pytest.fixture(params=["page", "dashboard", "quickstart"])
def accepts(request: pytest.FixtureRequest, server: Server, client: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], bool]:
    """Whether the sample accepts a token."""
    for name, value in environment(server, client).items():
        monkeypatch.setenv(name, value)

    def accepts(token: str) -> bool:
        monkeypatch.setenv("TOKEN", token)
        try:
            if request.param == "quickstart":
                exec(block("docs/quickstart.md", "sh", "5. Verify it").partition("<<'END'\n")[2].removesuffix("END\n"), {})
            else:
                code: dict[str, Any] = {}
                exec(block("docs/tokens.md", "python", SECTION) if request.param == "page" else on_the_dashboard(server), code)
                assert code["verify"](token, scope="read")["workspace"] == "demo"
        except (jwt.InvalidTokenError, AssertionError):
            return False
        return True

    return accepts


def on_the_dashboard(server: Server) -> str:
    values = {"issuer": server.url, "audience": f"{server.url}/w/demo", "ca": str(server.ca)}
    return unescape(render_to_string("docs/code/verify.txt", {"values": values, "workspace": {"slug": "demo"}}))


def test_verification_sample_takes_good_tokens_only(server: Server, client: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(server, client).items():
        monkeypatch.setenv(name, value)
    sample: dict[str, Any] = {}
    exec(block("docs/tokens.md", "python", "Verification in your API"), sample)
    verify = sample["verify"]
    token = fetch_token(server, client, scope="read")
    assert verify(token, scope="read")["client_id"] == client["client_id"]
    with pytest.raises(PermissionError):
        verify(token, scope="write")
    head, _, _ = token.rpartition(".")
    with pytest.raises(jwt.InvalidTokenError):
        verify(f"{head}.{'A' * 86}", scope="read")
    other = server.manage("create_client", "--workspace", "demo", "--name", "elsewhere", "--scope", "read", "--audience", "https://elsewhere.example.com")
    with pytest.raises(jwt.InvalidAudienceError):
        verify(fetch_token(server, other), scope="read")
    server.manage("create_workspace", "elsewhere")
    foreign = server.manage("create_client", "--workspace", "elsewhere", "--name", "x", "--scope", "read", "--audience", "https://theirs.example.com")
    sample["AUDIENCE"] = "https://theirs.example.com"
    with pytest.raises(jwt.InvalidTokenError, match="issued for another workspace"):
        verify(fetch_token(server, foreign), scope="read")
    sample["AUDIENCE"] = f"{server.url}/w/demo"
    with pytest.raises(jwt.InvalidTokenError):
        verify(jwt.encode({"scope": "read"}, "k" * 32), scope="read")
    with pytest.raises(jwt.InvalidTokenError):
        verify(jwt.encode({"scope": "read"}, "k" * 32, headers={"typ": "at+jwt", "kid": "unknown"}), scope="read")
    without_scopes = server.manage("create_client", "--workspace", "demo", "--name", "without-scopes")
    with pytest.raises(PermissionError):
        verify(fetch_token(server, without_scopes), scope="read")


@pytest.mark.rfc("8705", "3")
@pytest.mark.rfc("9449", "7")
def test_a_token_that_is_bound_is_refused(server: Server, client: dict[str, Any], accepts: Callable[[str], bool]) -> None:
    """A thief has neither the key nor the certificate, and a sample checks neither."""
    assert accepts(fetch_token(server, client))
    proof, form = new_key().sent("POST", f"{server.url}/oauth2/token"), {"grant_type": "client_credentials"}
    bound = server.post("/oauth2/token", auth=(client["client_id"], client["client_secret"]), data=form, headers=proof).json()
    assert bound["token_type"] == "DPoP"
    assert not accepts(bound["access_token"])


def test_the_token_of_a_test_client_is_refused(server: Server, accepts: Callable[[str], bool]) -> None:
    test = server.manage("create_client", "--workspace", "demo", "--name", "trial", "--scope", "read write", "--environment", "test")
    assert not accepts(fetch_token(server, test))


def test_dashboard_and_docs_show_the_same_function(server: Server) -> None:
    def function(text: str) -> str:
        return text[text.index("def verify(") :].strip()

    assert function(on_the_dashboard(server)) == function(block("docs/tokens.md", "python", SECTION))
