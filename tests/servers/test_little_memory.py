"""On a machine with little memory a worker has fewer connections: the longest idle ones make room for new ones, so nobody waits."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from dashboard.server.memory import FEWEST
from tests.servers.conftest import Server
from tests.servers.stores import missing
from tests.servers.test_networks import ask, connect, is_closed

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def small(make_server: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """To which the system says that 32 MB are available."""
    said = tmp_path_factory.mktemp("said") / "meminfo"
    said.write_text("MemTotal:  65536 kB\nMemAvailable:  32768 kB\n")
    unshare = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c", 'mount --bind "$0" /proc/meminfo && exec "$@"', str(said)]
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        missing("A kernel that lets this user mount a file", install="run it as root, or allow user namespaces.")
    server = make_server(WEB_CONCURRENCY="1", TLS="off", start=False)
    server.start(within=unshare)
    yield server
    server.stop()


def test_idle_connections_make_room_for_new_ones(small: Server) -> None:
    with ExitStack() as held:
        sockets = []
        for number in range(FEWEST + 20):
            sockets.append(connect(small, held, f"127.0.0.{2 + number % 8}"))
            assert ask(sockets[-1]) == 200
        assert small.count_sockets()[0] <= FEWEST + 5
        assert is_closed(sockets[0])
        assert ask(sockets[-20]) == 200
