"""GET /metrics over all workers of one server, beside another one on the same DATA_DIR."""

import re
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.servers.conftest import Server, free_port


def count(server: Server) -> int:
    """How many token requests the server says were made."""
    return int(sum(float(value) for value in re.findall(r'^tokenos_requests_total{endpoint="token".*} (\S+)$', server.get("/metrics").text, re.MULTILINE)))


def directories(server: Server) -> set[str]:
    return {found.name for found in (server.data_dir / "run" / "metrics").iterdir()}


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


def test_numbers_of_a_server_that_died_or_stopped_are_removed(make_server: Callable[..., Server]) -> None:
    server = make_server()
    assert server.process is not None
    died = str(server.process.pid)
    server.stop(signal.SIGKILL)
    while server.is_listening():
        time.sleep(0.1)
    Path(server.data_dir, "run", "metrics", "counter_1.db").touch()
    server.start()
    assert died not in directories(server)
    assert directories(server) == {str(server.process.pid)}
    assert count(server) == 0
    server.stop()
    assert directories(server) == set()
