"""GET /metrics counts over all workers of one server, separate from another server on the same DATA_DIR."""

import os
import re
import signal
import time
from collections.abc import Callable
from dataclasses import replace

from tests.ports import free_port
from tests.servers.conftest import Server
from tests.servers.stores import children


def count(server: Server) -> int:
    """How many token requests the server says were made."""
    return int(sum(float(value) for value in re.findall(r'^tokenos_requests_total{endpoint="token".*} (\S+)$', server.get("/metrics").text, re.MULTILINE)))


def test_second_server_on_the_same_data_dir_leaves_the_first_ones_numbers_alone(make_server: Callable[..., Server]) -> None:
    first = make_server()
    for _ in range(10):
        first.post("/oauth2/token")
    port = free_port()
    second = replace(first, port=port, environment={**first.environment, "PORT": str(port)}, process=None)
    second.start()
    try:
        second.post("/oauth2/token")
        assert (count(first), count(second)) == (10, 1)
    finally:
        second.stop()
    assert count(first) == 10


def test_numbers_outlive_a_worker_but_not_the_server(make_server: Callable[..., Server]) -> None:
    server = make_server(WEB_CONCURRENCY="1")
    server.post("/oauth2/token")
    assert server.process is not None
    died = children(server.process.pid)
    os.kill(died[0], signal.SIGKILL)
    while children(server.process.pid) in (died, []):
        time.sleep(0.05)
    server.post("/oauth2/token")
    assert count(server) == 2
    server.restart()
    assert count(server) == 0
