"""One network has at most a part of a worker's connections. Its longest idle connection makes room for a new one, so no peer waits."""

import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from dashboard.server.networks import MAX
from tests.servers.conftest import Server, read_answer

pytestmark = pytest.mark.slow

PROBE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
MORE = 20


@pytest.fixture(autouse=True)
def _many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connect(server: Server, held: ExitStack, address: str) -> socket.socket:
    sock = held.enter_context(socket.create_connection(("127.0.0.1", server.port), source_address=(address, 0)))
    sock.settimeout(20)
    return sock


def ask(sock: socket.socket) -> int:
    sock.sendall(PROBE)
    return read_answer(sock).status


def is_closed(sock: socket.socket) -> bool:
    try:
        sock.settimeout(0.2)
        return sock.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def fill(server: Server, held: ExitStack) -> list[socket.socket]:
    """One by one, as each is served before the next comes."""
    sockets = []
    for _ in range(MAX + MORE):
        sockets.append(connect(server, held, "127.0.0.1"))
        assert ask(sockets[-1]) == 200
    return sockets


def test_its_longest_idle_connections_make_room_for_new_ones_of_the_same_network(make_server: Callable[..., Server]) -> None:
    server = make_server(WEB_CONCURRENCY="1", TLS="off")
    with ExitStack() as held:
        other = connect(server, held, "127.0.0.2")
        assert ask(other) == 200
        sockets = fill(server, held)
        assert [is_closed(sock) for sock in sockets[: MORE + 5]] == [True] * MORE + [False] * 5
        assert ask(sockets[-1]) == ask(other) == 200
        assert ask(connect(server, held, "127.0.0.2")) == 200
    with ExitStack() as held:
        # The places of closed connections are free again.
        sock = connect(server, held, "127.0.0.1")
        for _ in range(50):
            connect(server, held, "127.0.0.1")
        assert ask(sock) == 200
    server.stop()
    assert "Traceback" not in server.log.read_text()


def test_trusted_proxy_has_as_many_as_it_opens(make_server: Callable[..., Server]) -> None:
    server = make_server(WEB_CONCURRENCY="1", TLS="off", TRUSTED_PROXIES="127.0.0.1/32")
    with ExitStack() as held:
        sockets = fill(server, held)
        assert not any(is_closed(sock) for sock in sockets[:3])
    server.stop()
