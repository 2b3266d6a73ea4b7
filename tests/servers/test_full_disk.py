"""The disk is really full: everything that doesn't need it goes on."""

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.conftest import BROKEN, Server
from tests.servers.disks import fill, on_small_disk
from tests.servers.load import KeptConnection
from tests.servers.stores import children

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def full(make_server: Callable[..., Server]) -> Iterator[tuple[Server, dict[str, Any]]]:
    """A server whose DATA_DIR is full, and one of its clients."""
    server = make_server(start=False)
    client = server.manage("create_client", "--workspace", "demo", "--name", "Robot")
    server.start(within=on_small_disk(server.data_dir))
    assert server.process is not None
    assert get_tokens(server, client, 4) == [200] * 4
    fill(server.data_dir, pid=server.process.pid)
    yield server, client
    server.stop()


def get_tokens(server: Server, client: dict[str, Any], count: int) -> list[int]:
    """The statuses of that many requests, each by a connection of its own, so that every worker gets some; 0 for one without an answer."""
    statuses = []
    for _ in range(count):
        try:
            connection = KeptConnection(server)
        except BROKEN:
            statuses.append(0)
            continue
        try:
            statuses.append(connection.get_token(client["client_id"], client["client_secret"]).status)
        except BROKEN:
            statuses.append(0)
        finally:
            connection.close()
    return statuses


def replace_workers(server: Server) -> None:
    """Kill each, and wait until as many others live."""
    assert server.process is not None
    before = children(server.process.pid)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    last = time.monotonic() + 30
    while len(set(children(server.process.pid)) - set(before)) < len(before):
        assert time.monotonic() < last, server.log.read_text()[-3000:]
        time.sleep(0.1)


def test_tokens_are_granted_while_the_disk_is_full(full: tuple[Server, dict[str, Any]]) -> None:
    server, client = full
    assert get_tokens(server, client, 10) == [200] * 10


def test_new_workers_start_and_grant_tokens_while_the_disk_is_full(full: tuple[Server, dict[str, Any]]) -> None:
    server, client = full
    replace_workers(server)
    assert server.process is not None
    serving = children(server.process.pid)
    assert get_tokens(server, client, 20) == [200] * 20
    assert children(server.process.pid) == serving
    assert not re.search("SIGBUS|Not counted", server.log.read_text())


def test_requests_are_counted_for_prometheus_while_the_disk_is_full(full: tuple[Server, dict[str, Any]]) -> None:
    server, client = full

    def count() -> float:
        text = server.get("/metrics").text
        return sum(float(found) for found in re.findall(r'^tokenos_requests_total{endpoint="token".*status="200"} (\S+)$', text, re.MULTILINE))

    before = count()
    replace_workers(server)
    assert get_tokens(server, client, 5) == [200] * 5
    assert count() == before + 5


def test_server_reloads_while_the_folder_for_temporary_files_takes_no_file(make_server: Callable[..., Server], tmp_path: Path) -> None:
    server = make_server(start=False, TMPDIR=str(tmp_path))
    client = server.manage("create_client", "--workspace", "demo", "--name", "Robot")
    server.start(within=on_small_disk(tmp_path, "1m,nr_inodes=50"))
    assert server.process is not None
    fill(tmp_path, pid=server.process.pid, inodes=True)
    old = set(children(server.process.pid))
    server.process.send_signal(signal.SIGHUP)
    last = time.monotonic() + 30
    while old & set(children(server.process.pid)):
        assert time.monotonic() < last
        time.sleep(0.1)
    assert get_tokens(server, client, 10) == [200] * 10
    assert server.stop() == 0
