"""A jwks_uri at a host whose certificates take OpenSSL minutes to read: the running server and other clients must not notice it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.hostile_handshakes import hostile_server
from tests.oauth.assertions import Robot
from tests.oauth.proofs import new_key
from tests.servers.conftest import Server


@pytest.fixture
def hostile_uri() -> Iterator[str]:
    with hostile_server() as port:
        yield f"https://localhost:{port}/jwks.json"


def descendants(pid: int) -> list[int]:
    children = [int(child) for file in Path(f"/proc/{pid}/task").glob("*/children") for child in file.read_text().split()]
    return children + [below for child in children for below in descendants(child)]


def test_it_costs_a_few_seconds_and_leaves_nothing_that_computes(make_server: Callable[..., Server], hostile_uri: str) -> None:
    server = make_server(WEB_CONCURRENCY="1", OUTBOUND_ALLOWED_HOSTS="localhost")
    assert server.process is not None
    before = len(descendants(server.process.pid))
    arguments = ("--workspace", "demo", "--name", "publisher", "--scope", "read", "--auth-method", "private_key_jwt", "--jwks-uri", hostile_uri)
    made = server.manage("create_client", *arguments)
    robot = Robot(SimpleNamespace(client_id=made["client_id"]), new_key(), "any")  # type: ignore[arg-type]
    answer = server.post("/oauth2/token", data={"grant_type": "client_credentials", **robot.form(claims={"aud": server.url})})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert "took longer than 3 s" in server.log.read_text()
    assert len(descendants(server.process.pid)) == before
    assert server.get("/healthz").status_code == 200
