"""On a machine with little memory a worker has fewer connections: the longest idle ones make room for new ones, so no peer waits."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from dashboard.server.memory import FEWEST
from dashboard.server.networks import PART
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


UNFINISHED = b"POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\n"


def begin_requests(server: Server, held: ExitStack, networks: int) -> None:
    """That never end. Those that there is room for are being read before more come: none of them is idle."""
    for _ in range(2):
        for number in range(FEWEST):
            connect(server, held, f"127.0.0.{20 + number % networks}").sendall(UNFINISHED)
        time.sleep(2)


@pytest.mark.parametrize("networks", [1, 8], ids=["one network", "eight networks"])
def test_unfinished_requests_keep_nobody_out(small: Server, networks: int) -> None:
    with ExitStack() as held:
        begin_requests(small, held, networks)
        for _ in range(10):
            sock = connect(small, held, "127.0.0.2")
            sock.settimeout(4)
            assert ask(sock) == 200


@pytest.mark.parametrize(("networks", "address"), [(8, "127.0.0.2"), (1, "127.0.0.20")], ids=["of another network", "of their own network"])
def test_nor_do_they_end_a_connection_that_has_just_been_made(small: Server, networks: int, address: str) -> None:
    """Its peer may be far away."""
    with ExitStack() as held:
        begin_requests(small, held, networks)
        honest = [connect(small, held, address) for _ in range(3)]
        for number in range(60):
            connect(small, held, f"127.0.0.{20 + number % networks}").sendall(UNFINISHED)
        time.sleep(0.3)
        assert [ask(sock) for sock in honest] == [200, 200, 200]


def test_one_network_has_a_part_of_the_connections(small: Server) -> None:
    with ExitStack() as held:
        begin_requests(small, held, networks=1)
        assert small.count_sockets()[0] <= FEWEST // PART + 10
