"""A connection's memory is free as soon as it is closed, however it ended. The garbage collector would free it late, so it is off here."""

import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.certificates import self_signed
from tests.servers.conftest import BROKEN, Server

pytestmark = pytest.mark.slow

COLLECTING_NOTHING = """
import gc
from dashboard import gunicorn
from dashboard.gunicorn import *

def post_worker_init(worker):
    gunicorn.post_worker_init(worker)
    gc.disable()
"""
FORM = b"POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 63000\r\n\r\n"
MANY = 100
# Bytes that a connection may leave in holes of the heap. As garbage, even the smallest left 50,000.
LITTLE = 25_000

Send = Callable[[Server], socket.socket]


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return self_signed("stranger").write(tmp_path_factory.mktemp("strange"))


@pytest.fixture(scope="module")
def hoarding(make_server: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One worker, so that all connections are its. It asks for certificates, for one is registered."""
    server = make_server(WEB_CONCURRENCY="1", start=False)
    folder = tmp_path_factory.mktemp("hoarding")
    certificate, _ = self_signed("machine").write(folder)
    server.manage("create_client", "--workspace", "demo", "--name", "machine", "--auth-method", "self_signed_tls_client_auth", "--certificate", certificate)
    configuration = folder / "collecting_nothing.py"
    configuration.write_text(COLLECTING_NOTHING)
    server.start(configuration=str(configuration))
    yield server
    server.stop()


def send_and_read(server: Server, sent: bytes, *, tls: bool = True) -> socket.socket:
    sock = server.connect(tls=tls)
    with suppress(*BROKEN):
        sock.sendall(sent)
        sock.recv(65536)
    return sock


def ask_once(server: Server) -> socket.socket:
    return send_and_read(server, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")


def send_no_http(server: Server) -> socket.socket:
    return send_and_read(server, b"nonsense\r\n\r\n")


def send_no_handshake(server: Server) -> socket.socket:
    return send_and_read(server, b"\x16\x03\x01\x00\x05hello", tls=False)


def leave_a_handshake_unfinished(server: Server) -> socket.socket:
    sock = server.connect(tls=False)
    sock.sendall(b"\x16\x03\x01\x02\x00\x01")
    return sock


def send_long_bodies(server: Server) -> socket.socket:
    return send_and_read(server, (FORM + b"a" * 63_000) * 4)


def leave_a_body_unfinished(server: Server) -> socket.socket:
    sock = server.connect()
    sock.sendall(FORM + b"a" * 62_000)
    return sock


def read_memory(server: Server) -> int:
    """What the worker has now, in bytes."""
    assert server.process is not None
    (pid,) = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    return int(re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0]) * 1024


def open_and_close(server: Server, send: Send) -> int:
    """Many connections, all open at once. Return what the worker has when they are gone."""
    own = 5  # its listener and pipes
    sockets = [send(server) for _ in range(MANY)]
    for sock in sockets:
        sock.close()
    last = time.monotonic() + 30
    while count_sockets(server) > own:
        assert time.monotonic() < last, count_sockets(server)
        time.sleep(0.1)
    time.sleep(0.5)
    return read_memory(server)


def count_sockets(server: Server) -> int:
    """Of one that is closed meanwhile the file is gone."""
    with suppress(FileNotFoundError):
        return server.count_sockets()[0]
    return MANY


def find_growth(server: Server, send: Send) -> float:
    """Bytes for each connection, once the worker has what it needs for so many. A worker gives memory back at times of its own, so what seems much is measured
    again: garbage would grow again.
    """
    open_and_close(server, send)
    growth = _measure_growth(server, send)
    return growth if growth < LITTLE else _measure_growth(server, send)


def _measure_growth(server: Server, send: Send) -> float:
    before = open_and_close(server, send)
    open_and_close(server, send)
    return (open_and_close(server, send) - before) / (2 * MANY)


@pytest.mark.parametrize("send", [ask_once, send_no_http, send_no_handshake, leave_a_handshake_unfinished])
def test_closed_connection_leaves_no_garbage(hoarding: Server, send: Send) -> None:
    assert find_growth(hoarding, send) < LITTLE


@pytest.mark.parametrize("send", [send_long_bodies, leave_a_body_unfinished])
def test_nor_does_one_with_a_long_body_but_for_holes_that_the_next_one_fills(hoarding: Server, send: Send) -> None:
    assert find_growth(hoarding, send) < 80_000


def test_nor_does_one_whose_certificate_was_refused(hoarding: Server, strange: tuple[str, str]) -> None:
    def present(server: Server) -> socket.socket:
        context = server.context()
        context.load_cert_chain(*strange)
        sock = context.wrap_socket(socket.create_connection(("127.0.0.1", server.port)), server_hostname="localhost")
        with suppress(*BROKEN):
            sock.recv(1)
        return sock

    assert find_growth(hoarding, present) < LITTLE


def test_what_tls_took_for_long_bodies_goes_back_to_the_system(make_server: Callable[..., Server]) -> None:
    server = make_server(WEB_CONCURRENCY="1")
    ask_once(server).close()
    before = read_memory(server)
    assert (open_and_close(server, send_long_bodies) - before) / MANY < 200_000
    server.stop()
