"""Peers that request long answers and don't read them take a bounded part of a worker's memory, and other peers are served meanwhile."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.client import IncompleteRead

import pytest

from dashboard.server.unsent import MAX, UNDER_WAY
from tests.servers.conftest import Server, read_answer
from tests.servers.sessions import make_session

pytestmark = pytest.mark.slow

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
# The number beside connections.
SOCKETS_OF_A_WORKER = 40
LONG_FILE = "admin/js/vendor/xregexp/xregexp.js"


@pytest.fixture(scope="module", params=["on", "off"])
def server(request: pytest.FixtureRequest, make_server: Callable[..., Server]) -> Iterator[Server]:
    """One worker, so that all connections are its."""
    server = make_server(WEB_CONCURRENCY="1", TLS=request.param, TRUSTED_PROXIES="127.0.0.1/32")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def longest(server: Server) -> bytes:
    """A request for the longest file that a stranger gets."""
    names = json.loads((server.data_dir / "static" / "staticfiles.json").read_text())["paths"]
    return f"GET /static/{names[LONG_FILE]} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Proto: https\r\n\r\n".encode()


def ask_deaf(server: Server, held: ExitStack, request: bytes, count: int) -> list[socket.socket]:
    """On so many connections, of which none reads. Few at a time, or some would be told that too many wait."""
    sockets = [held.enter_context(server.connect(receive_buffer=2048)) for _ in range(count)]
    for number, sock in enumerate(sockets):
        sock.sendall(request)
        if number % 50 == 49:
            time.sleep(0.5)
    time.sleep(1)
    return sockets


def test_a_client_that_does_not_read_a_file_keeps_less_than_the_file_in_memory(server: Server, longest: bytes) -> None:
    """Of the file itself all share one copy."""
    length = len(server.exchange(longest).body)
    with ExitStack() as held:
        # The memory that is taken once, for any number of peers.
        ask_deaf(server, held, longest, 20)
        before = server.read_memory()[0]
        ask_deaf(server, held, longest, 100)
        assert (server.read_memory()[0] - before) * 1024 / 100 < length * 0.7
        assert server.exchange(HEALTH).status == 200


def test_those_that_have_waited_longest_are_cut_off_if_many_do_not_read(server: Server, longest: bytes) -> None:
    whole, most = server.exchange(longest).body, MAX // UNDER_WAY
    before = server.read_memory()[0]
    with ExitStack() as held:
        sockets = ask_deaf(server, held, longest, most + 200)
        last = time.monotonic() + 20
        while server.count_sockets()[0] > most + SOCKETS_OF_A_WORKER:
            assert time.monotonic() < last
            time.sleep(0.1)
        assert (server.read_memory()[0] - before) * 1024 < 3 * MAX
        assert [read_answer(sock).body == whole for sock in sockets[-20:]] == [True] * 20
        for sock in sockets[:20]:
            with pytest.raises((IncompleteRead, ConnectionError)):
                read_answer(sock)


def test_long_file_is_read_whole_by_who_reads_slowly(server: Server, longest: bytes) -> None:
    whole = server.exchange(longest).body
    with server.connect(receive_buffer=2048) as sock:
        sock.sendall(longest + HEALTH)
        time.sleep(1)
        assert read_answer(sock).body == whole


def test_part_of_a_file_is_not_to_be_had(server: Server, longest: bytes) -> None:
    """RFC 9110 §14.2 lets a server send all of it."""
    whole = server.exchange(longest)
    part = server.exchange(longest.replace(b"\r\n\r\n", b"\r\nRange: bytes=10-20\r\n\r\n"))
    assert (part.status, part.body) == (200, whole.body)


def test_page_of_somebody_signed_in_comes_whole(server: Server) -> None:
    cookie = make_session(server).encode()
    request = b"GET /w/demo/start/ HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Proto: https\r\nCookie: " + cookie + b"\r\n\r\n"
    answer = server.exchange(request)
    assert answer.status == 200
    assert answer.body.rstrip().endswith(b"</html>")
