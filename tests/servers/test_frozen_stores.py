"""PostgreSQL and Redis hang: their machines acknowledge data, but the servers don't answer. No request waits for long, and TokenOS needs no restart."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_port
from tests.servers.conftest import Answer, Server
from tests.servers.load import KeptConnection, ask_at_once, every_worker
from tests.servers.stores import PostgreSQL, Redis

pytestmark = pytest.mark.slow

# Every answer comes within this time, even if a store hangs.
MAX = 5
# Tokens are issued again within this time after the database is back.
RECOVERY = 3
# A page for which Django reads the session from the database.
COOKIE = {"Cookie": "__Host-session=" + "a" * 32}


@pytest.fixture
def own_postgresql() -> Iterator[PostgreSQL]:
    made = PostgreSQL.create(free_port())
    yield made
    made.remove()


@pytest.fixture
def serve(make_server: Callable[..., Server]) -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def make(**settings: str) -> Server:
        servers.append(make_server(is_measured=True, **settings))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


def create_client(server: Server) -> dict[str, Any]:
    created: dict[str, Any] = server.manage("create_client", "--workspace", "demo", "--name", "Robot")
    return created


def token(client: dict[str, Any]) -> Callable[[KeptConnection], Answer]:
    return lambda connection: connection.get_token(client["client_id"], client["client_secret"])


def page(connection: KeptConnection) -> Answer:
    return connection.ask("GET", "/w/demo/clients/", headers=COOKIE)


def assert_unavailable(answers: list[tuple[float, Answer]], count: int) -> None:
    assert Counter(answer.status for _, answer in answers) == {503: count}
    assert all(int(answer.headers["retry-after"]) > 0 for _, answer in answers)
    assert max(seconds for seconds, _ in answers) < MAX


def seconds_until_tokens(server: Server, client: dict[str, Any]) -> float:
    """Until each worker gives one."""
    began = time.monotonic()
    with every_worker(server) as connections:
        for connection in connections:
            while token(client)(connection).status != 200:
                assert time.monotonic() - began < 10 * RECOVERY
                time.sleep(0.1)
    return time.monotonic() - began


def test_a_frozen_postgresql_lets_no_request_wait(serve: Callable[..., Server], own_postgresql: PostgreSQL) -> None:
    server = serve(DATABASE_URL=own_postgresql.create_database())
    client = create_client(server)
    assert [answer.status for _, answer in ask_at_once(server, 12, token(client))] == [200] * 12
    assert {answer.status for _, answer in ask_at_once(server, 24, page)} == {302}
    own_postgresql.freeze()
    try:
        assert_unavailable(ask_at_once(server, 24, token(client)), 24)
        assert_unavailable(ask_at_once(server, 40, page), 40)
        [(seconds, ready)] = ask_at_once(server, 1, lambda connection: connection.ask("GET", "/readyz"))
        assert (ready.status, ready.json()["checks"]["database"]["problem"]) == (503, "no_answer")
        assert int(ready.headers["retry-after"]) > 0
        assert seconds < MAX
        assert server.get("/healthz", timeout=1).status_code == 200
    finally:
        own_postgresql.thaw()
    assert seconds_until_tokens(server, client) < RECOVERY
    assert {answer.status for _, answer in ask_at_once(server, 12, token(client))} == {200}
    assert {answer.status for _, answer in ask_at_once(server, 12, page)} == {302}
    assert server.get("/readyz").json()["status"] == "ready"


def test_readyz_asks_the_threads_that_answer(serve: Callable[..., Server], own_postgresql: PostgreSQL) -> None:
    """Beside them everything works: only their connections, which are as old as the server, are broken off, and they have to say so by themselves."""
    server = serve(DATABASE_URL=own_postgresql.create_database())
    client = create_client(server)
    ask_at_once(server, 40, token(client))
    sessions = 0
    # The background threads open their connections a moment after the start.
    while (found := count_sessions(own_postgresql, server)) != sessions:
        sessions = found
        time.sleep(1.5)
    for _ in range(10):
        assert server.get("/readyz").json()["checks"]["database"]["status"] == "ok"
    # The connections of checks with their own threads are closed each time.
    assert count_sessions(own_postgresql, server) == sessions


def count_sessions(postgresql: PostgreSQL, server: Server) -> int:
    import psycopg

    with psycopg.connect(server.environment["DATABASE_URL"]) as database:
        row = database.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'tokenos'").fetchone()
        assert row is not None
        return int(row[0])


def test_after_a_failover_from_a_frozen_primary_tokens_flow_at_once(serve: Callable[..., Server], own_postgresql: PostgreSQL) -> None:
    """The old primary stays frozen, and stands first in DATABASE_URL."""
    url = own_postgresql.create_database()
    standby = own_postgresql.create_standby(free_port())
    try:
        server = serve(DATABASE_URL=url.replace(f":{own_postgresql.port}/", f":{own_postgresql.port},127.0.0.1:{standby.port}/"))
        client = create_client(server)
        assert {answer.status for _, answer in ask_at_once(server, 40, token(client))} == {200}
        own_postgresql.freeze()
        for _ in range(3):
            assert_unavailable(ask_at_once(server, 8, token(client)), 8)
        standby.promote()
        assert seconds_until_tokens(server, client) < RECOVERY
        answers = [*ask_at_once(server, 40, token(client)), *ask_at_once(server, 40, page)]
        assert {answer.status for _, answer in answers} == {200, 302}
        assert max(seconds for seconds, _ in answers) < MAX
        assert server.get("/readyz").status_code == 200
    finally:
        own_postgresql.thaw()
        standby.remove()


def test_a_frozen_redis_stops_nothing(serve: Callable[..., Server], tmp_path: Path) -> None:
    redis = Redis(tmp_path, free_port())
    redis.start()
    try:
        server = serve(CACHE_URL=redis.url)
        client = create_client(server)
        redis.freeze()
        assert {answer.status for _, answer in ask_at_once(server, 12, token(client))} == {200}
        asked = ask_at_once(server, 6, lambda connection: connection.ask("GET", "/readyz"))
        assert {(answer.status, answer.json()["status"], answer.json()["checks"]["cache"]["status"]) for _, answer in asked} == {(200, "degraded", "degraded")}
        assert max(seconds for seconds, _ in asked) < MAX
        redis.thaw()
        assert server.get("/readyz").json()["status"] == "ready"
    finally:
        redis.thaw()
        redis.stop()
