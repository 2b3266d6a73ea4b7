"""Bodies that wait to be complete take a bounded part of a worker's memory, and those of strangers leave room for people who are signed in.

How long one body may be is in test_request_body.py.
"""

import os
import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

from dashboard.server.bounded_protocol import MAX_OF_STRANGERS
from tests.hostile_handshakes import client_hello, records
from tests.servers.conftest import Answer, Server, read_answer
from tests.servers.sessions import make_session
from tests.servers.test_request_body import FILES, LOG, PAGE, READ, with_body

FORM = b"POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Proto: https\r\nContent-Type: application/x-www-form-urlencoded\r\n"


@pytest.fixture(scope="module")
def cookie(server: Server) -> bytes:
    return f"Cookie: {make_session(server)}\r\n".encode()


def ask_on(sock: socket.socket, request: bytes) -> Answer:
    sock.sendall(request)
    return read_answer(sock)


def test_connection_on_which_a_stranger_sent_much_at_once_is_closed(server: Server) -> None:
    """What TLS has taken for it would stay for as long as the connection does."""
    with server.connect() as sock:
        assert "connection" not in ask_on(sock, with_body(FORM, 2_000)).headers
        assert "connection" not in ask_on(sock, with_body(FORM, 2_000)).headers
        answer = ask_on(sock, with_body(FORM, 60_000))
        assert answer.status == 400
        assert answer.headers["connection"] == "close"
        assert sock.recv(1) == b""


def test_connection_of_many_small_requests_at_once_is_closed_soon_after_all_are_answered(server: Server) -> None:
    with server.connect() as sock:
        sock.settimeout(15)
        sock.sendall(with_body(FORM, 2_000) * 60)
        answers = b"".join(iter(lambda: sock.recv(65536), b""))
    assert answers.count(b"HTTP/1.1 400") == 60


@pytest.mark.slow
def test_what_tls_took_for_a_connection_is_free_again_when_its_peer_is_gone(make_server: Callable[..., Server]) -> None:
    """The garbage collector would come for it a thousand connections later."""
    server = make_server(WEB_CONCURRENCY="1")
    context, unfinished = server.context(), with_body(FORM, 60_000)[:-1]

    def come_and_go(number: int) -> int:
        """Return the worker's memory in KB."""
        for _ in range(number):
            with context.wrap_socket(server.connect(tls=False), server_hostname="localhost") as sock:
                sock.sendall(unfinished)
        wait_for_sockets(server, lambda open_now: open_now < 50)
        return server.read_memory()[0]

    before = come_and_go(50)
    assert come_and_go(300) - before < 15_000
    server.stop()


@pytest.mark.slow
def test_what_unfinished_handshakes_took_goes_back_to_the_system(make_server: Callable[..., Server]) -> None:
    """A few blocks that stay would keep all that lie before them in the process's heap."""
    server = make_server(WEB_CONCURRENCY="1")
    before = server.read_memory()[0]
    for _ in range(3):
        with ExitStack() as held:
            opened = []
            for number in range(3_000):
                sock = held.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20, source_address=(f"127.0.{number % 50}.2", 0)))
                sock.sendall(client_hello())
                opened.append(sock)
            for sock in opened:
                # A handshake whose peer has left isn't processed. On a slow machine, some end because their time is up.
                with suppress(OSError):
                    sock.recv(1)
    assert server.read_memory("VmHWM")[0] - before > 80_000
    last = time.monotonic() + 30
    while server.read_memory()[0] - before > 40_000:
        assert time.monotonic() < last, server.read_memory()
        time.sleep(0.5)
    server.stop()


def test_connection_of_somebody_signed_in_stays(server: Server, cookie: bytes) -> None:
    with server.connect() as sock:
        assert "connection" not in ask_on(sock, with_body(PAGE + cookie, 200_000)).headers


def test_connection_without_tls_stays(plain: Server) -> None:
    """It keeps nothing, and a proxy's serves others as well."""
    with plain.connect() as sock:
        assert "connection" not in ask_on(sock, with_body(FORM, 60_000)).headers
        assert ask_on(sock, with_body(FORM, 2_000)).status == 400


def hold(server: Server, held: ExitStack, head: bytes, size: int, sent: int) -> socket.socket:
    """Send a part of a body and leave it at that."""
    sock = held.enter_context(server.connect())
    sock.settimeout(5)
    sock.sendall(head + b"Content-Length: %d\r\n\r\n" % size + b"a" * sent)
    return sock


def test_strangers_never_hold_the_places_for_logs(server: Server, cookie: bytes) -> None:
    with ExitStack() as held:
        for _ in range(16):
            hold(server, held, LOG, 4_000_000, 60_000)
        assert server.exchange(with_body(LOG + cookie, 4_000_000)).status == READ


def test_few_long_bodies_are_read_at_once(server: Server, cookie: bytes) -> None:
    """So that nobody fills the memory with them. What they held is free again as soon as they have gone."""
    with ExitStack() as held:
        for _ in range(16):
            hold(server, held, LOG + cookie, 4_000_000, 3_000_000)
        assert server.exchange(with_body(LOG + cookie, 4_000_000)).status == 503
    deadline = time.monotonic() + 10
    while server.exchange(with_body(LOG + cookie, 4_000_000)).status != READ:
        assert time.monotonic() < deadline, "those that left hold their places"


@pytest.fixture(scope="module")
def plain(make_server: Callable[..., Server]) -> Server:
    """One worker, so that all connections are its."""
    return make_server(WEB_CONCURRENCY="1", TLS="off", TRUSTED_PROXIES="127.0.0.1/32")


@pytest.mark.slow
def test_unfinished_bodies_of_strangers_take_a_share_that_others_do_not_need(plain: Server) -> None:
    client = plain.manage("create_client", "--workspace", "demo", "--name", "robot")
    cookie = f"Cookie: {make_session(plain)}\r\nX-Forwarded-Proto: https\r\n".encode()
    good = f"client_id={client['client_id']}&client_secret={client['client_secret']}&grant_type=client_credentials".encode()
    request = FORM + b"Content-Length: %d\r\n\r\n" % len(good) + good
    assert plain.exchange(request).status == 200
    (before,) = plain.read_memory("VmHWM")
    with ExitStack() as held:
        sockets = [hold(plain, held, FORM, 60_000, 59_000) for _ in range(MAX_OF_STRANGERS // 59_000 + 100)]
        answer = read_answer(sockets[-1])
        assert (answer.status, answer.json()["error"]) == (503, "temporarily_unavailable")
        assert answer.headers["retry-after"]
        assert plain.exchange(request).status == 200
        assert plain.exchange(with_body(PAGE + FILES + cookie, 2_000_000)).status == READ
        assert plain.read_memory("VmHWM")[0] - before < 2 * MAX_OF_STRANGERS // 1024
    deadline = time.monotonic() + 10
    while plain.exchange(with_body(FORM, 40_000)).status == 503:
        assert time.monotonic() < deadline, "those that left hold their share"
    assert "Traceback" not in plain.log.read_text()


def wait_for_sockets(server: Server, is_reached: Callable[[int], bool]) -> None:
    # Of a connection that is read no more the end is noticed only when its time is up.
    deadline = time.monotonic() + 40
    while not is_reached(server.count_sockets()[0]):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def fill(server: Server, held: ExitStack, *, leaving: int) -> None:
    """Have unfinished bodies take the share of strangers, but for so many octets."""
    filler = FORM + b"Content-Length: 60000\r\n\r\n" + b"a" * (59_000 - len(FORM) - 25)
    # Those of the tests before have to be gone, or they would be counted.
    wait_for_sockets(server, lambda open_now: open_now < 50)
    room = MAX_OF_STRANGERS - leaving
    sizes = [*[len(filler)] * (room // len(filler)), room % len(filler)]
    for size in sizes:
        held.enter_context(server.connect()).sendall(filler[:size])
    wait_for_sockets(server, lambda open_now: open_now >= len(sizes))
    time.sleep(0.5)


@pytest.mark.slow
def test_body_that_was_taken_before_the_share_was_full_goes_on_when_there_is_room_again(plain: Server) -> None:
    """Its parts are parsed one by one, and meanwhile another connection fills the share."""
    started = FORM + b"Transfer-Encoding: chunked\r\n\r\n" + (b"100\r\n" + b"a" * 256 + b"\r\n") * 230
    one_too_many = with_body(FORM, 59_000)
    with ExitStack() as held:
        slow = [held.enter_context(plain.connect()) for _ in range(8)]
        last = held.enter_context(plain.connect())
        fill(plain, held, leaving=len(slow) * len(started) + 10_000)
        for sock in slow:
            sock.sendall(started)
        last.sendall(one_too_many[:-1])
        assert read_answer(last).status == 503
        for sock in slow:
            sock.settimeout(10)
            sock.sendall(b"0\r\n\r\n")
        assert not {read_answer(sock).status for sock in slow} & {408, 503}


@pytest.mark.slow
def test_request_that_is_here_in_full_is_answered_though_the_share_is_full(plain: Server) -> None:
    """It takes a long time, because another program holds SQLite's lock: a sender who reads 503 would think that nothing has happened."""
    client = plain.manage("create_client", "--workspace", "demo", "--name", "robot")
    good = f"client_id={client['client_id']}&client_secret={client['client_secret']}".encode()
    asked = good + b"&grant_type=client_credentials"
    token = plain.exchange(FORM + b"Content-Length: %d\r\n\r\n" % len(asked) + asked).json()["access_token"]
    revoking = good + f"&token={token}&padding={'a' * 30_000}".encode()
    with ExitStack() as held:
        fill(plain, held, leaving=10_000)
        database = held.enter_context(closing(sqlite3.connect(plain.data_dir / "tokenos.sqlite3", isolation_level=None)))
        database.execute("BEGIN IMMEDIATE")
        sock = held.enter_context(plain.connect())
        sock.sendall(FORM.replace(b"/token", b"/revoke") + b"Content-Length: %d\r\n\r\n" % len(revoking) + revoking)
        time.sleep(2)
        database.execute("ROLLBACK")
        assert read_answer(sock).status == 200


@pytest.fixture
def one_worker(make_server: Callable[..., Server]) -> Iterator[Server]:
    server = make_server(WEB_CONCURRENCY="1")
    yield server
    server.stop()


@pytest.mark.slow
def test_what_comes_while_a_handshake_waits_for_its_turn_takes_that_share_too(one_worker: Server) -> None:
    """All of it is there before the worker looks: one handshake goes on in each turn of its event loop."""
    assert one_worker.exchange(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 200
    (before,) = one_worker.read_memory("VmHWM")
    assert one_worker.process is not None
    [worker] = Path(f"/proc/{one_worker.process.pid}/task/{one_worker.process.pid}/children").read_text().split()
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_connection(("127.0.0.1", one_worker.port), timeout=10)) for _ in range(500)]
        os.kill(int(worker), signal.SIGSTOP)
        for sock in sockets:
            sock.setblocking(False)
            # As much as the kernel takes.
            with suppress(BlockingIOError):
                sock.send(client_hello() + records(b"\x16" * 400_000))
        os.kill(int(worker), signal.SIGCONT)
        assert one_worker.exchange(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 200
        grown = one_worker.read_memory("VmHWM")[0] - before
    assert grown < 2 * MAX_OF_STRANGERS // 1024
