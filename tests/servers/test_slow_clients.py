"""Many peers send nothing, or send too slowly: they must not slow down the others, and are closed in time."""

import resource
import select
import socket
import statistics
import time
from collections.abc import Callable, Iterator

import pytest

from dashboard.server import http_connection, worker
from tests.servers.conftest import Server, read_answer

pytestmark = pytest.mark.slow

COUNT = 500
# The sweep looks once a second, and the connection began after the one before it.
SLACK = 4

# The two workers' sockets beside connections, with a margin.
IDLE = 20

# More than the kernel buffers for a peer that doesn't read.
LARGE = 20 * b"GET /static/admin/js/vendor/xregexp/xregexp.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
HALF_HEAD = b"POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nX-A: "
HALF_BODY = b"POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\ngrant_type="


@pytest.fixture(scope="module")
def crowd(server: Server) -> Iterator[dict[str, list[socket.socket]]]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    sockets: dict[str, list[socket.socket]] = {}
    for name, sent in {"silent": b"", "one byte of TLS": b"\x16", "half a head": HALF_HEAD, "half a body": HALF_BODY}.items():
        sockets[name] = [server.connect(tls=False) for _ in range(COUNT)]
        for sock in sockets[name]:
            sock.sendall(sent)
    # Over TLS, the handshake is additional work, so there are fewer of these.
    for name, sent in {"half a head over TLS": HALF_HEAD, "half a body over TLS": HALF_BODY}.items():
        sockets[name] = [server.connect() for _ in range(50)]
        for sock in sockets[name]:
            sock.sendall(sent)
    sockets["deaf"] = [server.connect(receive_buffer=2048) for _ in range(50)]
    for sock in sockets["deaf"]:
        sock.sendall(LARGE)
    yield sockets
    for sock in [sock for group in sockets.values() for sock in group]:
        sock.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def wait_until_closed(sockets: list[socket.socket], seconds: float) -> int:
    """Return how many the server hasn't closed after that time."""
    poll = select.poll()
    still_open = {sock.fileno(): sock for sock in sockets}
    for descriptor in still_open:
        poll.register(descriptor, select.POLLIN)
    last = time.monotonic() + seconds
    while still_open and time.monotonic() < last:
        for descriptor, _ in poll.poll(100):
            try:
                closed = not still_open[descriptor].recv(65536)
            except OSError:
                closed = True
            if closed:
                poll.unregister(descriptor)
                del still_open[descriptor]
    return len(still_open)


def test_good_requests_are_quick_beside_two_thousand_slow_peers(server: Server, crowd: dict[str, list[socket.socket]]) -> None:
    assert len(crowd) == 7
    seconds = []
    for _ in range(40):
        begun = time.monotonic()
        assert server.get("/healthz").status_code == 200
        assert server.post("/oauth2/token", data={"grant_type": "client_credentials"}).status_code == 401
        seconds.append(time.monotonic() - begun)
    assert statistics.median(seconds) < 0.2
    assert max(seconds) < 3


@pytest.mark.parametrize("name", ["silent", "one byte of TLS", "half a head", "half a head over TLS"])
def test_peer_that_sends_no_request_is_closed_after_ten_seconds(crowd: dict[str, list[socket.socket]], name: str) -> None:
    assert wait_until_closed(crowd[name], worker.FIRST_BYTE + SLACK) == 0


def test_peer_that_sends_half_a_body_is_answered_and_closed_after_twenty_seconds(crowd: dict[str, list[socket.socket]]) -> None:
    last, *others = crowd["half a body over TLS"]
    last.settimeout(worker.DEADLINES["body"] + SLACK)
    answer = read_answer(last)
    assert answer.status == 408
    assert answer.json()["error"] == "invalid_request"
    assert wait_until_closed(crowd["half a body"] + others, http_connection.LINGERING + SLACK) == 0


def test_peer_that_takes_no_answer_is_closed_after_thirty_seconds(server: Server, crowd: dict[str, list[socket.socket]]) -> None:
    """The peer itself can't see it before it has read what the kernel still holds."""
    last = time.monotonic() + worker.DEADLINES["write"] + SLACK
    while sum(server.count_sockets()) > IDLE and time.monotonic() < last:
        time.sleep(0.2)
    assert sum(server.count_sockets()) <= IDLE
    assert len(crowd["deaf"]) == 50


def test_peer_that_takes_its_answer_slowly_gets_all_of_it(server: Server) -> None:
    """It takes longer than one may that takes nothing."""
    with server.connect(receive_buffer=2048) as sock:
        sock.sendall(b"GET /static/admin/js/vendor/xregexp/xregexp.js HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        began, received = time.monotonic(), 0
        while part := sock.recv(4096):
            received += len(part)
            # The last reads are smaller, so that the rest doesn't wait.
            time.sleep(0.5 if received < 260_000 else 0)
    assert received > 325_000
    assert time.monotonic() - began > worker.DEADLINES["write"]


def test_peer_that_drips_its_head_is_closed_all_the_same(server: Server) -> None:
    with server.connect() as sock:
        begun = time.monotonic()
        assert wait_until_closed([sock], 0) == 1
        while wait_until_closed([sock], 0.2):
            sock.sendall(b"G")
        assert time.monotonic() - begun < worker.DEADLINES["head"] + SLACK


def test_connection_that_has_served_stays_open_longer(server: Server) -> None:
    with server.connect() as sock:
        for pause in (0, worker.DEADLINES["head"] + 2):
            time.sleep(pause)
            sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert read_answer(sock).status == 200


def test_exhausted_descriptors_cost_only_idle_peers(make_server: Callable[..., Server]) -> None:
    """With 300 descriptors a worker may have 44 connections; the oldest silent ones make room."""
    server = make_server(start=False, WEB_CONCURRENCY="1")
    server.start(descriptors=300)
    silent = [server.connect(tls=False) for _ in range(200)]
    time.sleep(1.5)
    try:
        for _ in range(20):
            assert server.get("/healthz", timeout=5).status_code == 200
    finally:
        for sock in silent:
            sock.close()
        server.stop()
