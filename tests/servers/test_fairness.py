"""One peer doesn't disturb the others if it sends requests without waiting for answers or keeps idle connections; and the disk may disappear and come back."""

import os
import select
import shutil
import signal
import socket
import sqlite3
import ssl
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
import requests

from oauth.asgi import MAX_ATTEMPTED, THREADS
from tests.hostile_handshakes import hello_of_a_browser
from tests.servers.conftest import Server, read_answer

pytestmark = pytest.mark.slow

BURST = 1000
SHORT = b"HEAD /.well-known/oauth-authorization-server HTTP/1.1\r\nHost: localhost\r\n\r\n"


def find_workers(server: Server) -> list[int]:
    assert server.process is not None
    return [int(pid) for pid in Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()]


def wait_until(condition: Callable[[], bool], *, seconds: float = 30) -> None:
    last = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < last
        time.sleep(0.1)


@pytest.fixture(scope="module")
def one_worker(make_server: Callable[..., Server]) -> Iterator[Server]:
    server = make_server(is_measured=True, WEB_CONCURRENCY="1")
    yield server
    server.stop()


def read_now(sock: socket.socket) -> bytes:
    """What has arrived, without waiting."""
    try:
        return sock.recv(1_000_000)
    except ssl.SSLWantReadError:
        return b""


@pytest.mark.parametrize("request_", [SHORT, SHORT.replace(b"/.well-known/oauth-authorization-server", b"/readyz")], ids=["by a thread", "at once"])
def test_who_sends_thousands_of_requests_at_once_lets_others_between_them(one_worker: Server, request_: bytes) -> None:
    """They fit into what the server reads at once."""
    one_worker.get("/readyz")
    with one_worker.connect() as burst, one_worker.connect() as other:
        burst.sendall(request_ * 3000)
        other.sendall(SHORT)
        answered_before = 0
        burst.setblocking(False)
        other.setblocking(False)
        last = time.monotonic() + 30
        while not read_now(other):
            answered_before += read_now(burst).count(b"HTTP/1.1 200 OK")
            assert time.monotonic() < last
        assert answered_before < 1000


def test_all_of_a_thousand_are_answered(one_worker: Server) -> None:
    with one_worker.connect() as burst:
        burst.sendall(SHORT * BURST)
        received = b""
        while received.count(b"HTTP/1.1 200 OK") < BURST:
            received += burst.recv(1_000_000)


def _token_request(client: dict[str, Any], length: int, secret: str) -> bytes:
    """With a body of so many octets."""
    credentials = b64encode(f"{client['client_id']}:{secret}".encode()).decode()
    body = "grant_type=client_credentials&ignored=".ljust(length, "x")
    head = f"POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {credentials}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def test_a_body_that_takes_long_to_read_is_left_to_a_thread_and_what_is_shorter_is_not(one_worker: Server) -> None:
    """All threads wait for a writer: what is answered nevertheless, the event loop has read."""
    client = one_worker.manage("create_client", "--workspace", "demo", "--name", "robot")
    with ExitStack() as held:

        def send(length: int, secret: str) -> socket.socket:
            sock = held.enter_context(one_worker.connect())
            sock.sendall(_token_request(client, length, secret))
            return sock

        assert read_answer(send(100, client["client_secret"])).status == 200
        writer = held.enter_context(closing(sqlite3.connect(one_worker.data_dir / "tokenos.sqlite3", timeout=10)))
        writer.execute("BEGIN IMMEDIATE")
        waiting = [send(100, "tos_live_wrong") for _ in range(2 * THREADS)]
        time.sleep(0.3)
        waiting.append(send(MAX_ATTEMPTED + 1, client["client_secret"]))
        for _ in range(3):
            assert read_answer(send(MAX_ATTEMPTED, client["client_secret"])).status == 200
        for sock in waiting:
            sock.setblocking(False)
            assert read_now(sock) == b""
            sock.settimeout(30)
        writer.rollback()
        assert [read_answer(sock).status for sock in waiting] == [401] * 2 * THREADS + [200]


@pytest.mark.rfc("9112", "3.2.2")
def test_absolute_form_is_as_good_as_a_path(one_worker: Server) -> None:
    answer = one_worker.exchange(f"GET {one_worker.url}/.well-known/jwks.json?a=b HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert (answer.status, list(answer.json())) == (200, ["keys"])


def test_kept_connections_never_take_the_last_descriptors(make_server: Callable[..., Server]) -> None:
    """Each worker may have 320 files open, so 64 connections."""
    server = make_server(is_measured=True, WEB_CONCURRENCY="1", start=False)
    server.start(descriptors=320)
    kept = []
    for _ in range(300):
        sock = server.connect()
        sock.sendall(SHORT)
        sock.recv(1000)
        kept.append(sock)
    client = server.manage("create_client", "--workspace", "demo", "--name", "robot")
    answer = server.post("/oauth2/token", auth=(client["client_id"], client["client_secret"]), data={"grant_type": "client_credentials"})
    assert (answer.status_code, server.get("/readyz").status_code) == (200, 200)
    assert max(server.count_sockets()) < 100
    for sock in kept:
        sock.close()
    assert "Traceback" not in server.log.read_text()
    server.stop()


def test_worker_that_starts_while_the_database_is_away_serves_when_it_is_back(make_server: Callable[..., Server]) -> None:
    server = make_server(is_measured=True, WEB_CONCURRENCY="1")
    client = server.manage("create_client", "--workspace", "demo", "--name", "robot")

    def fetch() -> int:
        try:
            return server.post("/oauth2/token", auth=(client["client_id"], client["client_secret"]), data={"grant_type": "client_credentials"}).status_code
        except requests.ConnectionError:
            return 0

    file, away = server.data_dir / "tokenos.sqlite3", server.data_dir / "away"
    file.rename(away)
    file.mkdir()  # a folder can't be opened as a database
    [old] = find_workers(server)
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: find_workers(server) not in ([old], []))
    wait_until(lambda: fetch() == 503)
    file.rmdir()
    away.rename(file)
    wait_until(lambda: fetch() == 200)
    assert server.stop() == 0


def test_database_that_is_replaced_while_serving_is_taken_up_by_every_worker(make_server: Callable[..., Server]) -> None:
    """A restore should be done while nothing serves; whoever forgets that must not find a revoked secret alive."""
    server = make_server(is_measured=True)
    client = server.manage("create_client", "--workspace", "demo", "--name", "robot")
    file = server.data_dir / "tokenos.sqlite3"
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(server.data_dir / "copy")) as copy:
        source.backup(copy)
    before = find_workers(server)
    for name in ("tokenos.sqlite3-wal", "tokenos.sqlite3-shm"):
        (server.data_dir / name).unlink(missing_ok=True)
    shutil.move(server.data_dir / "copy", file)
    wait_until(lambda: len(find_workers(server)) == 2 and not set(before) & set(find_workers(server)))
    server.wait_until_ready()
    server.manage("revoke_secret", client["client_id"], client["secret_id"])
    form: dict[str, Any] = {"auth": (client["client_id"], client["client_secret"]), "data": {"grant_type": "client_credentials"}}
    assert {server.post("/oauth2/token", **form).status_code for _ in range(20)} == {401}
    assert "was replaced while this process was serving" in server.log.read_text()
    server.stop()


def test_who_sends_on_hundreds_of_connections_at_once_lets_other_networks_between_them(one_worker: Server) -> None:
    """All of it is there before the worker looks; the other's comes last."""
    [worker] = find_workers(one_worker)
    with ExitStack() as held:
        many = [held.enter_context(one_worker.connect(source="127.0.0.9")) for _ in range(400)]
        other = held.enter_context(one_worker.connect())
        for sock in (*many, other):
            sock.sendall(SHORT)
            assert read_answer(sock, "HEAD").status == 200
        os.kill(worker, signal.SIGSTOP)
        for sock in (*many, other):
            sock.sendall(SHORT)
        os.kill(worker, signal.SIGCONT)
        assert read_answer(other, "HEAD").status == 200
        # Those whose turn comes last are checked first.
        for sock in reversed(many):
            sock.setblocking(False)
            if not read_now(sock):
                break
        else:
            pytest.fail("all others were answered first")


HELLO = hello_of_a_browser()


def say_hello(server: Server, held: ExitStack, source: str) -> socket.socket:
    sock = held.enter_context(server.connect(tls=False, source=source))
    sock.sendall(HELLO)
    return sock


def test_who_begins_hundreds_of_handshakes_at_once_lets_those_of_other_networks_between_them(one_worker: Server) -> None:
    """They wait in the kernel before the worker looks; the other's comes last."""
    [worker] = find_workers(one_worker)
    with ExitStack() as held:
        os.kill(worker, signal.SIGSTOP)
        many = [say_hello(one_worker, held, "127.0.0.9") for _ in range(400)]
        other = say_hello(one_worker, held, "127.0.0.1")
        os.kill(worker, signal.SIGCONT)
        assert other.recv(1)
        answered, _, _ = select.select(many, [], [], 0)
        assert len(answered) < 50


def test_peers_that_leave_in_or_after_their_handshake_keep_no_place(make_server: Callable[..., Server]) -> None:
    """With 320 open files, a network may have 16 connections at once."""
    server = make_server(is_measured=True, WEB_CONCURRENCY="1", start=False)
    server.start(descriptors=320)
    [worker] = find_workers(server)
    with ExitStack() as many:
        os.kill(worker, signal.SIGSTOP)
        for _ in range(40):
            say_hello(server, many, "127.0.0.1")
    os.kill(worker, signal.SIGCONT)
    time.sleep(1.5)
    for _ in range(40):
        sock = socket.create_connection(("127.0.0.1", server.port))
        server.context().wrap_socket(sock, server_hostname="localhost").close()
    time.sleep(1.5)
    assert [server.get("/healthz").status_code for _ in range(5)] == [200] * 5
    server.stop()


def read_cpu_time(pid: int) -> int:
    """In clock ticks, of user and system."""
    return sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))


def test_handshakes_whose_peers_are_gone_are_not_computed(one_worker: Server) -> None:
    [worker] = find_workers(one_worker)

    def measure(*, are_gone: bool) -> int:
        """The worker's CPU time for 400 of them."""
        before = read_cpu_time(worker)
        with ExitStack() as held:
            os.kill(worker, signal.SIGSTOP)
            with ExitStack() as many:
                waiting = [say_hello(one_worker, many, "127.0.0.9") for _ in range(400)]
                last = say_hello(one_worker, held, "127.0.0.9")
                if not are_gone:
                    held.enter_context(many.pop_all())
            os.kill(worker, signal.SIGCONT)
            for sock in [last] if are_gone else [*waiting, last]:
                assert sock.recv(1)
        return read_cpu_time(worker) - before

    assert measure(are_gone=True) < measure(are_gone=False) / 2
