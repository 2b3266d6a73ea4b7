"""PostgreSQL and Redis disappear and come back. TokenOS answers meanwhile, and needs no restart."""

import pickle
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import requests

from tests.ports import free_port
from tests.servers.conftest import Server
from tests.servers.load import KeptConnection, basic, bearer, every_worker
from tests.servers.sessions import make_session
from tests.servers.stores import PostgreSQL, Redis

pytestmark = pytest.mark.slow

# An answer must come within this time while the database is gone.
A_FEW_SECONDS = 5


@pytest.fixture(scope="module")
def own_postgresql() -> Iterator[PostgreSQL]:
    made = PostgreSQL.create(free_port())
    yield made
    made.remove()


@pytest.fixture(scope="module")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    made = Redis(tmp_path_factory.mktemp("redis"), free_port())
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def fragile(make_server: Callable[..., Server], own_postgresql: PostgreSQL, own_redis: Redis) -> Iterator[Server]:
    """Its PostgreSQL and its Redis are its own."""
    server = make_server(is_measured=True, DATABASE_URL=own_postgresql.create_database(), CACHE_URL=own_redis.url)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def client(fragile: Server) -> dict[str, Any]:
    created: dict[str, Any] = fragile.manage("create_client", "--workspace", "demo", "--name", "Robot")
    return created


def get_token(server: Server, client: dict[str, Any]) -> requests.Response:
    return server.post("/oauth2/token", auth=(client["client_id"], client["client_secret"]), data={"grant_type": "client_credentials"})


def test_lost_redis_shows_in_readyz_and_stops_no_token(fragile: Server, client: dict[str, Any], own_redis: Redis) -> None:
    assert fragile.get("/readyz").json()["checks"]["cache"]["status"] == "ok"
    own_redis.stop()
    answer = fragile.get("/readyz")
    assert (answer.status_code, answer.json()["status"], answer.json()["checks"]["cache"]["status"]) == (200, "degraded", "degraded")
    assert answer.json()["checks"]["cache"]["problem"] == "unreachable"
    assert answer.json()["checks"]["database"]["status"] == "ok"
    assert fragile.get("/healthz").status_code == 200
    assert get_token(fragile, client).status_code == 200
    own_redis.start()
    assert fragile.get("/readyz").json()["status"] == "ready"


class Payload:
    """Once unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_what_somebody_else_writes_to_redis_runs_nothing(fragile: Server, own_redis: Redis, tmp_path: Path) -> None:
    made, is_over = tmp_path / "made", Event()
    value = pickle.dumps(Payload(made))
    command = b"*3\r\n$3\r\nSET\r\n$9\r\n:1:readyz\r\n$%d\r\n%s\r\n" % (len(value), value)

    def write() -> None:
        with socket.create_connection(("127.0.0.1", own_redis.port), 5) as connection:
            while not is_over.is_set():
                connection.sendall(command * 20)
                connection.recv(65536)

    writer = Thread(target=write)
    writer.start()
    try:
        answers = [fragile.get("/readyz").json() for _ in range(40)]
    finally:
        is_over.set()
        writer.join()
    assert "degraded" in {answer["checks"]["cache"]["status"] for answer in answers}, "None of it was read."
    assert not made.exists()
    # So many requests shared their results.
    time.sleep(1)
    assert fragile.get("/readyz").json()["status"] == "ready"


def test_stopped_postgresql_is_told_as_503_and_forgotten_once_it_is_back(fragile: Server, client: dict[str, Any], own_postgresql: PostgreSQL) -> None:
    token = get_token(fragile, client).json()["access_token"]
    own_postgresql.stop()
    with every_worker(fragile) as connections:
        for connection in connections:
            for method, path, headers, form in (
                ("POST", "/oauth2/token", basic(client["client_id"], client["client_secret"]), {"grant_type": "client_credentials"}),
                ("POST", "/oauth2/introspect", basic(client["client_id"], client["client_secret"]), {"token": token}),
                ("POST", "/oauth2/revoke", basic(client["client_id"], client["client_secret"]), {"token": token}),
                ("GET", "/api/v1/whoami", bearer(token), None),
                ("GET", "/gateway/demo/verify", bearer(token), None),
            ):
                begun = time.monotonic()
                answer = connection.ask(method, path, headers=headers, form=form)
                assert time.monotonic() - begun < A_FEW_SECONDS
                assert (answer.status, answer.json()["error"]) == (503, "temporarily_unavailable")
                assert int(answer.headers["retry-after"]) > 0
                assert answer.headers["cache-control"] == "no-store"
            assert connection.ask("GET", "/healthz").status == 200
            ready = connection.ask("GET", "/readyz")
            assert (ready.status, ready.headers["retry-after"]) == (503, "2")
            assert (ready.json()["checks"]["database"]["status"], ready.json()["checks"]["cache"]["status"]) == ("unavailable", "ok")
        own_postgresql.start()
        for connection in connections:
            assert connection.get_token(client["client_id"], client["client_secret"]).status == 200
            assert connection.ask("GET", "/api/v1/whoami", headers=bearer(token)).status == 200
            assert connection.ask("GET", "/readyz").status == 200


def ask_all_threads(server: Server, client: dict[str, Any]) -> Counter[int]:
    """Ask so much at once that every thread of every worker must use its database connection. How often each status came."""
    statuses: list[int] = []

    def ask(connection: KeptConnection) -> None:
        for _ in range(10):
            statuses.append(connection.get_token(client["client_id"], client["client_secret"]).status)  # noqa: PERF401  # others append between

    with ExitStack() as stack:
        connections = [connection for _ in range(5) for connection in stack.enter_context(every_worker(server))]
        threads = [Thread(target=ask, args=[connection]) for connection in connections]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    return Counter(statuses)


def test_restarted_postgresql_costs_no_request(fragile: Server, client: dict[str, Any], own_postgresql: PostgreSQL) -> None:
    """As after a failover: every connection is broken, and its thread learns it by the next request."""
    assert ask_all_threads(fragile, client) == {200: 100}
    own_postgresql.stop()
    own_postgresql.start()
    assert ask_all_threads(fragile, client) == {200: 100}


def test_restarted_postgresql_costs_no_long_body(fragile: Server, own_postgresql: PostgreSQL) -> None:
    """Whose session it is asked for before Django has the request. Django would answer 403, for the missing CSRF token."""
    head = f"POST /accounts/sign-in/ HTTP/1.1\r\nHost: localhost\r\nCookie: {make_session(fragile)}\r\nContent-Length: 100000\r\n\r\n"
    body = head.encode() + b"a" * 100_000
    assert {fragile.exchange(body).status for _ in range(40)} == {403}
    own_postgresql.stop()
    own_postgresql.start()
    assert [fragile.exchange(body).status for _ in range(20)] == [403] * 20
