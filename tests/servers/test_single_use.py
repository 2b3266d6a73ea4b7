"""The same assertion or proof, sent many times at once over four workers, is accepted once, on each database. Redis has no part in it."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
import requests

from tests.ports import free_port
from tests.servers.conftest import Database, Server
from tests.servers.program import Program
from tests.servers.stores import Redis

AT_ONCE = 24

# Assertions and proofs are noted in the same table.
soon_on_one_database = pytest.mark.parametrize("new_database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True)


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    made = Redis(tmp_path_factory.mktemp("redis"), free_port())
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def installation(redis: Redis, make_server: Callable[..., Server], new_database: Callable[[], Database | None]) -> Iterator[Server]:
    database = new_database()
    cache = "" if database is None else redis.url
    server = make_server(WEB_CONCURRENCY="4", database=database, CACHE_URL=cache, FAILURES_PER_CLIENT="1000", FAILURES_PER_ADDRESS="1000")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    return Program().save(tmp_path_factory.mktemp("program"))


@pytest.fixture(scope="module")
def client(installation: Server, program: Program) -> dict[str, Any]:
    options = ["--workspace", "demo", "--name", "robot", "--scope", "read", "--auth-method", "private_key_jwt", "--public-key", str(program.public_key)]
    created: dict[str, Any] = installation.manage("create_client", *options)
    return created


def send_at_once(send: Callable[[requests.Session], requests.Response], server: Server) -> Counter[tuple[int, str]]:
    barrier = Barrier(AT_ONCE)

    def once(_: int) -> tuple[int, str]:
        with requests.Session() as session:
            session.trust_env, session.verify = False, str(server.ca)
            session.get(f"{server.url}/healthz", timeout=30)  # this opens the connection
            barrier.wait(30)
            response = send(session)
            return response.status_code, response.json().get("error", "")

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return Counter(threads.map(once, range(AT_ONCE)))


@pytest.mark.rfc("7523", "3")
def test_assertion_is_accepted_once(installation: Server, client: dict[str, Any], program: Program) -> None:
    form = program.assertion(client["client_id"], installation.url)
    found = send_at_once(lambda session: session.post(f"{installation.url}/oauth2/token", data=form, timeout=30), installation)
    assert found == {(200, ""): 1, (401, "invalid_client"): AT_ONCE - 1}


@soon_on_one_database
@pytest.mark.rfc("9449", "11.1")
def test_proof_is_accepted_once(installation: Server, client: dict[str, Any], program: Program) -> None:
    url = f"{installation.url}/oauth2/token"
    proof = program.proof("POST", url)

    def send(session: requests.Session) -> requests.Response:
        return session.post(url, data=program.assertion(client["client_id"], installation.url), headers=proof, timeout=30)

    assert send_at_once(send, installation) == {(200, ""): 1, (400, "invalid_dpop_proof"): AT_ONCE - 1}


@soon_on_one_database
@pytest.mark.rfc("9449", "7")
def test_proof_at_a_resource_is_accepted_once(installation: Server, client: dict[str, Any], program: Program) -> None:
    form = program.assertion(client["client_id"], installation.url)
    headers = program.proof("POST", f"{installation.url}/oauth2/token")
    token = installation.post("/oauth2/token", data=form, headers=headers).json()
    assert token["token_type"] == "DPoP"
    url = f"{installation.url}/api/v1/whoami"
    headers = {"Authorization": f"DPoP {token['access_token']}", **program.proof("GET", url, token=token["access_token"])}
    found = send_at_once(lambda session: session.get(url, headers=headers, timeout=30), installation)
    assert (found[200, ""], sum(found.values()), {status for status, _ in found}) == (1, AT_ONCE, {200, 401})
