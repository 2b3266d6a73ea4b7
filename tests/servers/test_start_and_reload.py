"""A server listens once it can answer, and a reload or a lost master doesn't make callers wait."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.servers.conftest import BROKEN, Server
from tests.servers.load import KeptConnection
from tests.servers.stores import children

# Seconds that each worker takes to start, as when its database hangs.
STARTING = 2

# Each worker tells how many objects garbage collection skips.
SLOW_START = """
import gc
import time
from dashboard import gunicorn
from dashboard.gunicorn import *

def post_worker_init(worker):
    time.sleep({seconds})
    gunicorn.post_worker_init(worker)
    with open({told!r}, "a") as told:
        told.write(f"{{gc.get_freeze_count()}}\\n")
"""


def slow_start(folder: Path) -> str:
    configuration = folder / "slow_start.py"
    configuration.write_text(SLOW_START.format(seconds=STARTING, told=str(folder / "told")))
    return str(configuration)


@dataclass(frozen=True)
class Started:
    """seconds: that the first answer took once somebody could connect. told: by a worker."""

    server: Server
    seconds: float
    told: Path


@pytest.fixture(scope="module")
def started(make_server: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Started:
    server = make_server(start=False)
    folder = tmp_path_factory.mktemp("slow")
    server.start(configuration=slow_start(folder), wait=False)
    last = time.monotonic() + 60
    while not server.is_listening():
        assert time.monotonic() < last
        time.sleep(0.02)
    begun = time.monotonic()
    assert server.get("/healthz").status_code == 200
    return Started(server, time.monotonic() - begun, folder / "told")


def test_nobody_can_connect_before_a_worker_can_answer(started: Started) -> None:
    assert started.seconds < STARTING / 2


def test_what_a_worker_loaded_is_not_looked_through_for_garbage(started: Started) -> None:
    """Otherwise it would sometimes delay a request."""
    assert min(map(int, started.told.read_text().split())) > 100_000


def test_reload_keeps_nobody_waiting_while_new_workers_start(started: Started) -> None:
    server = started.server
    assert server.process is not None
    old = set(children(server.process.pid))
    server.process.send_signal(signal.SIGHUP)
    longest, last = 0.0, time.monotonic() + 60
    while old & set(children(server.process.pid)):
        assert time.monotonic() < last, server.log.read_text()[-2000:]
        begun = time.monotonic()
        assert server.get("/healthz").status_code == 200
        longest = max(longest, time.monotonic() - begun)
    assert longest < STARTING / 2
    assert len(children(server.process.pid)) == len(old)


def test_stopping_does_not_wait_for_workers_that_start(started: Started) -> None:
    server = started.server
    assert server.process is not None
    server.process.send_signal(signal.SIGHUP)
    time.sleep(STARTING / 3)
    begun = time.monotonic()
    assert server.stop() == 0
    # This is well below the time after which gunicorn kills its workers.
    assert time.monotonic() - begun < 15


def test_worker_whose_master_is_gone_closes_kept_connections_though_they_are_busy(make_server: Callable[..., Server]) -> None:
    server = make_server()
    assert server.process is not None
    connections = [KeptConnection(server) for _ in range(4)]
    assert {connection.ask("GET", "/healthz").status for connection in connections} == {200}
    server.process.kill()
    server.process.wait()
    begun = time.monotonic()
    while connections:
        assert time.monotonic() - begun < 8
        for connection in list(connections):
            try:
                is_kept = connection.ask("GET", "/healthz").headers.get("connection") != "close"
            except BROKEN:
                is_kept = False
            if not is_kept:
                connection.close()
                connections.remove(connection)
        time.sleep(0.05)
    while server.is_listening():
        assert time.monotonic() - begun < 8
        time.sleep(0.05)


# The usual case, in which the other listens already, is in test_bootstrap.
@pytest.mark.slow
def test_two_servers_that_start_at_one_address_are_one_server_and_one_refusal(make_server: Callable[..., Server], tmp_path: Path) -> None:
    """Neither listens yet when the other looks, so the loser learns of it late."""
    first = make_server(start=False)
    second = replace(first, process=None)
    for server in (first, second):
        server.start(configuration=slow_start(tmp_path), wait=False)
    try:
        last = time.monotonic() + 60
        while not (ended := [server for server in (first, second) if server.process is not None and server.process.poll()]):
            assert time.monotonic() < last
            time.sleep(0.05)
        output = ended[0].log.read_text()
        assert "Address already in use" in output or "is in use" in output
        (second if ended == [first] else first).wait_until_ready()
    finally:
        second.stop()
