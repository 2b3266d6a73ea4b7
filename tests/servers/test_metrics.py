"""GET /metrics counts over all workers of one server, separate from another server on the same DATA_DIR."""

import os
import re
import signal
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.ports import free_port
from tests.servers.conftest import Server
from tests.servers.stores import children


def count(server: Server) -> int:
    """How many token requests the server says were made."""
    return int(sum(float(value) for value in re.findall(r'^tokenos_requests_total{endpoint="token".*} (\S+)$', server.get("/metrics").text, re.MULTILINE)))


@pytest.fixture(scope="module")
def first(make_server: Callable[..., Server]) -> Server:
    return make_server()


def test_second_server_on_the_same_data_dir_leaves_the_first_ones_numbers_alone(first: Server) -> None:
    before = count(first)
    for _ in range(10):
        first.post("/oauth2/token")
    port = free_port()
    second = replace(first, port=port, environment={**first.environment, "PORT": str(port)}, process=None)
    second.start()
    try:
        second.post("/oauth2/token")
        assert (count(first), count(second)) == (before + 10, 1)
    finally:
        second.stop()
    assert count(first) == before + 10


def test_numbers_outlive_the_workers_but_not_the_server(first: Server) -> None:
    before = count(first)
    first.post("/oauth2/token")
    assert first.process is not None
    died = children(first.process.pid)
    for pid in died:
        os.kill(pid, signal.SIGKILL)
    while len(set(children(first.process.pid)) - set(died)) < len(died):
        time.sleep(0.05)
    first.post("/oauth2/token")
    assert count(first) == before + 2
    first.restart()
    assert count(first) == 0
