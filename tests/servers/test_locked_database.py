"""While another program holds SQLite's write lock, requests that must write are refused in time, even if many come at once, and all others go on."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import pytest

from tests.servers.conftest import Answer, Server
from tests.servers.load import KeptConnection, ask_at_once
from tests.servers.program import Program

MAX = 5
SECRET = "a" * 32


@pytest.fixture(scope="module")
def installation(make_server: Callable[..., Server]) -> Iterator[Server]:
    server = make_server(is_measured=True)
    yield server
    server.stop()


@contextmanager
def locked(server: Server) -> Iterator[None]:
    with closing(sqlite3.connect(server.data_dir / "tokenos.sqlite3", timeout=10)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        yield
        writer.rollback()


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    return Program().save(tmp_path_factory.mktemp("program"))


@pytest.fixture(scope="module")
def by_key(installation: Server, program: Program) -> Callable[[KeptConnection], Answer]:
    options = ["--workspace", "demo", "--name", "robot", "--auth-method", "private_key_jwt", "--public-key", str(program.public_key)]
    client_id: str = installation.manage("create_client", *options)["client_id"]
    return lambda connection: connection.ask("POST", "/oauth2/token", form=program.assertion(client_id, installation.url))


@pytest.fixture(scope="module")
def by_secret(installation: Server) -> Callable[[KeptConnection], Answer]:
    client: dict[str, Any] = installation.manage("create_client", "--workspace", "demo", "--name", "Robot")
    return lambda connection: connection.get_token(client["client_id"], client["client_secret"])


def sign_in() -> Callable[[KeptConnection], Answer]:
    headers = {"Cookie": f"__Host-csrf={SECRET}", "Origin": "https://localhost", "Accept": "text/html"}
    form = {"csrfmiddlewaretoken": SECRET, "login": "nobody@example.com", "password": "a wrong password"}
    return lambda connection: connection.ask("POST", "/accounts/sign-in/", form=form, headers=headers)


def test_waits_of_one_request_and_of_many_do_not_add_up_and_each_is_refused_in_time(installation: Server, by_key: Callable[[KeptConnection], Answer]) -> None:
    """Token requests and pages at once."""
    assert {answer.status for count, ask in ((4, by_key), (1, sign_in())) for _, answer in ask_at_once(installation, count, ask)} == {200}
    with locked(installation), ThreadPoolExecutor(2) as threads:
        asked = threads.submit(ask_at_once, installation, 24, by_key), threads.submit(ask_at_once, installation, 12, sign_in())
        answers, pages = (each.result(60) for each in asked)
    assert [Counter(answer.status for _, answer in found) for found in (answers, pages)] == [{503: 24}, {503: 12}]
    assert all(int(answer.headers["retry-after"]) > 0 for _, answer in answers + pages)
    assert all(answer.json()["error"] == "temporarily_unavailable" for _, answer in answers)
    assert max(seconds for seconds, _ in answers + pages) < MAX
    assert {answer.status for _, answer in ask_at_once(installation, 24, by_key)} == {200}


def test_what_only_reads_goes_on(installation: Server, by_secret: Callable[[KeptConnection], Answer]) -> None:
    with locked(installation):
        assert {answer.status for _, answer in ask_at_once(installation, 24, by_secret)} == {200}
        ready = installation.get("/readyz")
        assert (ready.status_code, ready.json()["status"], ready.json()["checks"]["writes"]["problem"]) == (200, "degraded", "locked")
