"""Both official client libraries of MCP get tokens here for a real MCP server, and send that server only the token. RFC 8414, RFC 9728, RFC 8707."""

import asyncio
import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest
from mcp.client import Client
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider, PrivateKeyJWTOAuthProvider, SignedJWTParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPDeprecationWarning

from tests.ports import free_port
from tests.servers.conftest import ROOT, Server
from tests.servers.program import Program
from tests.servers.test_interoperability import javascript

__all__ = ["javascript"]


@dataclass
class Guarded:
    """The MCP server. requests: what it was asked for since the last look."""

    url: str
    log: Path

    def requests(self) -> list[dict[str, Any]]:
        asked = [json.loads(line) for line in self.log.read_text().splitlines()]
        self.log.write_text("")
        return asked


@pytest.fixture(scope="module")
def guarded(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("mcp")
    port, log = free_port(), folder / "requests"
    log.touch()
    environment = {"PATH": os.environ["PATH"], "PORT": str(port), "ISSUER": server.url, "CA": str(server.ca), "REQUESTS": str(log)}
    environment["CERTIFICATE"] = str(server.data_dir / "tls" / "server.pem")
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", "tests.servers.mcp_server"], cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        context = ssl.create_default_context(cafile=str(server.ca))
        last = time.monotonic() + 60
        while True:
            try:
                assert httpx2.get(f"https://localhost:{port}/", verify=context).status_code == 404
                break
            except httpx2.TransportError:
                assert process.poll() is None, (folder / "output").read_text()
                assert time.monotonic() < last
                time.sleep(0.1)
        yield Guarded(f"https://localhost:{port}/mcp", log)
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    return Program().save(tmp_path_factory.mktemp("program"))


@pytest.fixture(scope="module")
def client(server: Server, guarded: Guarded, program: Program) -> dict[str, Any]:
    """More scopes than the server wants, so that it shows which are asked for."""
    methods = ["client_secret_basic", "client_secret_post", "private_key_jwt"]
    options = ["--workspace", "demo", "--name", "agent", "--scope", "read write", "--audience", guarded.url, "--public-key", str(program.public_key)]
    created: dict[str, Any] = server.manage("create_client", *options, *(part for method in methods for part in ("--auth-method", method)))
    return created


class Storage:
    """In memory, as the library's documentation has it."""

    tokens: Any = None

    async def get_tokens(self) -> Any:
        return self.tokens

    async def set_tokens(self, tokens: Any) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> None:
        return None

    async def set_client_info(self, _: Any) -> None:
        raise AssertionError


def call_add(server: Server, guarded: Guarded, provider: httpx2.Auth) -> str:
    async def call() -> str:
        context = ssl.create_default_context(cafile=str(server.ca))
        async with httpx2.AsyncClient(auth=provider, verify=context) as http, Client(streamable_http_client(guarded.url, http_client=http)) as session:
            result = await session.call_tool("add", {"a": 2, "b": 3})
            return str(result.content[0].text)

    return asyncio.run(call())


def assert_told_nothing_but_the_token(guarded: Guarded, client: dict[str, Any], token: str) -> None:
    """The client's ID stands in the token; nothing else of its credentials is sent to the MCP server, and nothing to a /token of its."""
    asked = guarded.requests()
    assert {(request["method"], request["path"]) for request in asked} >= {("POST", "/mcp")}
    for request in asked:
        assert request["path"] == "/mcp" or (request["method"] == "GET" and request["path"].startswith("/.well-known/")), request
        sent = json.dumps(request)
        assert client["client_secret"] not in sent
        assert client["client_id"] not in sent
        assert request["headers"].get("authorization") in (None, f"Bearer {token}")


def assert_token_is_for_the_server_alone(guarded: Guarded, client: dict[str, Any], token: str) -> None:
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["aud"], claims["client_id"], claims["scope"]) == (guarded.url, client["client_id"], "read")


@pytest.mark.rfc("8414", "3")
@pytest.mark.rfc("8707", "2")
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_python_client_with_a_secret_calls_the_server(server: Server, guarded: Guarded, client: dict[str, Any], method: Any) -> None:
    guarded.requests()
    storage = Storage()
    provider = ClientCredentialsOAuthProvider(guarded.url, storage, client["client_id"], client["client_secret"], method, issuer=server.url)
    assert call_add(server, guarded, provider) == "5"
    assert_token_is_for_the_server_alone(guarded, client, storage.tokens.access_token)
    assert_told_nothing_but_the_token(guarded, client, storage.tokens.access_token)


@pytest.mark.rfc("9728", "5")
def test_python_client_that_is_not_told_the_issuer_sends_its_secret_to_no_one_else(server: Server, guarded: Guarded, client: dict[str, Any]) -> None:
    """With metadata that it doesn't take, it sends ID and secret to /token of the MCP server."""
    guarded.requests()
    storage = Storage()
    with pytest.warns(MCPDeprecationWarning, match="Omitting `issuer` is deprecated"):
        provider = ClientCredentialsOAuthProvider(guarded.url, storage, client["client_id"], client["client_secret"])
    assert call_add(server, guarded, provider) == "5"
    assert_told_nothing_but_the_token(guarded, client, storage.tokens.access_token)


@pytest.mark.rfc("7523", "2.2")
def test_python_client_with_a_key_calls_the_server(server: Server, guarded: Guarded, client: dict[str, Any], program: Program) -> None:
    guarded.requests()
    storage = Storage()
    signed = SignedJWTParameters(
        issuer=client["client_id"], subject=client["client_id"], signing_key=program.private_key.read_text(), signing_algorithm="ES256"
    )
    provider = PrivateKeyJWTOAuthProvider(guarded.url, storage, client["client_id"], signed.create_assertion_provider(), issuer=server.url)
    assert call_add(server, guarded, provider) == "5"
    assert_token_is_for_the_server_alone(guarded, client, storage.tokens.access_token)
    assert_told_nothing_but_the_token(guarded, client, storage.tokens.access_token)


@pytest.mark.parametrize("credential", ["secret", "key"])
def test_typescript_client_calls_the_server(
    server: Server, guarded: Guarded, client: dict[str, Any], program: Program, javascript: Path, credential: str
) -> None:
    guarded.requests()
    environment = {"PATH": os.environ["PATH"], "NODE_EXTRA_CA_CERTS": str(server.ca), "ISSUER": server.url, "MCP_SERVER": guarded.url}
    environment |= {"CLIENT_ID": client["client_id"]}
    environment |= {"CLIENT_SECRET": client["client_secret"]} if credential == "secret" else {"PRIVATE_KEY": str(program.private_key)}
    done = subprocess.run(["node", "mcp.mjs"], cwd=javascript, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["sum"] == "5"
    assert_token_is_for_the_server_alone(guarded, client, result["token"]["access_token"])
    assert_told_nothing_but_the_token(guarded, client, result["token"]["access_token"])


@pytest.mark.parametrize("end", ["", "AAAAAAAA"])
def test_the_server_takes_no_other_token(server: Server, guarded: Guarded, client: dict[str, Any], end: str) -> None:
    """Else the calls above would show nothing."""
    answer = server.post("/oauth2/token", data={"grant_type": "client_credentials"}, auth=(client["client_id"], client["client_secret"]))
    context = ssl.create_default_context(cafile=str(server.ca))
    refused = httpx2.post(guarded.url, json={}, headers={"Authorization": f"Bearer {answer.json()['access_token'][:-8]}{end}"}, verify=context)
    assert refused.status_code == 401
