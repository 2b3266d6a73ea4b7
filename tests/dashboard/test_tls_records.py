"""What a TLS peer sends at once is read in turns, so that others have theirs. What a server answers to such is in tests/servers/test_bounded_protocol.py."""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
import uvloop

from dashboard.server.bounded_protocol import Share
from dashboard.server.certificate_readers import CertificateReaders
from dashboard.server.handshake import HandshakeContext
from dashboard.server.tls_protocol import open_tls
from dashboard.server.turns import Turns
from tests.certificates import self_signed


class Reader(asyncio.Protocol):
    """Notes how much it gets in each turn of the loop, and whether the peer has closed."""

    client_certificate = None

    def __init__(self, turns: dict[int, int], most: int) -> None:
        self.turns, self.most = turns, most
        self.done = asyncio.Event()
        self.turn = 0
        self._count()

    def _count(self) -> None:
        self.turn += 1
        if not self.done.is_set():
            asyncio.get_running_loop().call_soon(self._count)

    def data_received(self, data: bytes) -> None:
        self.turns[self.turn] = self.turns.get(self.turn, 0) + len(data)
        if sum(self.turns.values()) >= self.most:
            self.done.set()

    def connection_lost(self, _: Exception | None) -> None:
        self.done.set()


class Held(Turns):
    """Turns that a test gives. Each is noted, and then asked is called."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.waiting: list[Callable[[], None]] = []
        self.asked: Callable[[], object] = list

    def ask(self, go_on: Callable[[], None], network: str = "") -> None:  # noqa: ARG002  # there is one network
        self.waiting.append(go_on)
        self.asked()


class Begun(asyncio.Protocol):
    """Notes in which turn of the loop its handshake was done."""

    client_certificate = None

    def __init__(self, turn: Callable[[], int], done: list[int]) -> None:
        self.turn, self.done = turn, done

    def connection_made(self, _: asyncio.BaseTransport) -> None:
        self.done.append(self.turn())


def client_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def make_last_flight(sock: socket.socket) -> bytes:
    """All of a handshake except the client's last message, which is returned."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = client_context().wrap_bio(incoming, outgoing)
    while True:
        try:
            tls.do_handshake()
            return outgoing.read()
        except ssl.SSLWantReadError:
            sock.sendall(outgoing.read())
            incoming.write(sock.recv(65_536))


def send(port: int, contents: list[bytes]) -> None:
    """Each in its own record, all at once, then the close."""
    context = client_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with socket.create_connection(("127.0.0.1", port), timeout=30) as sock:
        tls = context.wrap_bio(incoming, outgoing)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
                incoming.write(sock.recv(65_536))
        for content in contents:
            tls.write(content)
        try:
            tls.unwrap()
        except ssl.SSLWantReadError:
            sock.sendall(outgoing.read())
        while sock.recv(65_536):
            pass


def read(folder: Path, contents: list[bytes], connections: int = 1) -> list[dict[int, int]]:
    """Bytes by turn of the loop, for each connection."""

    async def serve() -> list[dict[int, int]]:
        loop = asyncio.get_running_loop()
        context = HandshakeContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self_signed().write(folder))
        readers, turns = CertificateReaders(loop), Turns(loop)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            threads = [threading.Thread(target=send, args=(listener.getsockname()[1], contents)) for _ in range(connections)]
            for thread in threads:
                thread.start()
            seen = []
            for _ in threads:
                sock, _ = await loop.sock_accept(listener)
                reader = Reader({}, sum(map(len, contents)))
                seen.append(reader)
                await open_tls(loop, reader, sock, context, readers, turns, Share(1 << 30), ssl_handshake_timeout=30, ssl_shutdown_timeout=5)
            for reader in seen:
                await asyncio.wait_for(reader.done.wait(), 60)
            for thread in threads:
                await asyncio.to_thread(thread.join)
        return [reader.turns for reader in seen]

    return uvloop.run(serve())


def test_few_records_of_a_connection_are_read_in_one_turn_of_the_loop(tmp_path: Path) -> None:
    (turns,) = read(tmp_path, [b"a"] * 20_000)
    assert sum(turns.values()) == 20_000
    assert max(turns.values()) <= 64


def test_connections_that_send_such_take_turns(tmp_path: Path) -> None:
    """However many there are, one of them continues per turn of the loop. The first records of each are read as they arrive."""
    seen = read(tmp_path, [b"a"] * 5_000, connections=4)
    assert [sum(turns.values()) for turns in seen] == [5_000] * 4
    assert all(max(turns.values()) <= 64 for turns in seen)


@pytest.mark.parametrize("size", [1, 100, 1024, 16_384])
def test_all_is_read_of_what_comes_in_records_of_any_size(tmp_path: Path, size: int) -> None:
    """And the close after it, otherwise the sender would wait for ours."""
    (turns,) = read(tmp_path, [b"a" * size] * (1_000_000 // max(size, 100)))
    assert sum(turns.values()) == size * (1_000_000 // max(size, 100))


def test_handshakes_that_end_at_the_same_moment_are_gone_on_with_one_in_a_turn(tmp_path: Path) -> None:
    async def serve() -> list[int]:
        loop = asyncio.get_running_loop()
        context = HandshakeContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self_signed().write(tmp_path))
        readers, turns = CertificateReaders(loop), Turns(loop)
        counter, done = Reader({}, 1), []
        with ExitStack() as held:
            listener = held.enter_context(socket.create_server(("127.0.0.1", 0)))
            listener.setblocking(False)
            clients, tasks, flights = [], [], []
            for _ in range(12):
                client = held.enter_context(socket.create_connection(listener.getsockname(), timeout=30))
                sock, _ = await loop.sock_accept(listener)
                begun = Begun(lambda: counter.turn, done)
                opening = open_tls(loop, begun, sock, context, readers, turns, Share(1 << 30), ssl_handshake_timeout=30, ssl_shutdown_timeout=5)
                tasks.append(loop.create_task(opening))
                flights.append(await asyncio.to_thread(make_last_flight, client))
                clients.append(client)
            assert not done
            for client, flight in zip(clients, flights, strict=True):
                client.sendall(flight)
            # All are here before the loop looks.
            time.sleep(0.1)  # noqa: ASYNC251
            await asyncio.wait_for(asyncio.gather(*tasks), 30)
            counter.done.set()
        return done

    done = uvloop.run(serve())
    assert len(set(done)) == len(done) == 12


@pytest.mark.parametrize("seconds", [None, 0.0, 0.1], ids=["while it is being opened", "just after", "some time after"])
def test_connection_that_ended_while_it_waited_for_its_turn_is_left_alone(tmp_path: Path, seconds: float | None) -> None:
    """A worker that has too many ends some of those that are in their handshake. seconds: after the connection asked for its turn."""

    async def serve() -> tuple[list[dict[str, object]], int]:
        loop = asyncio.get_running_loop()
        failures: list[dict[str, object]] = []
        loop.set_exception_handler(lambda _, context: failures.append(context))
        context = HandshakeContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self_signed().write(tmp_path))
        readers, turns, share, done = CertificateReaders(loop), Held(loop), Share(1 << 30), []
        with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname(), timeout=30) as client:
            listener.setblocking(False)
            # The beginning of a record.
            client.sendall(b"\x16\3\1")
            sock, _ = await loop.sock_accept(listener)
            begun = Begun(lambda: 0, done)
            opening = loop.create_task(open_tls(loop, begun, sock, context, readers, turns, share, ssl_handshake_timeout=30, ssl_shutdown_timeout=5))
            asked = asyncio.Event()
            turns.asked = asked.set if seconds is not None else opening.cancel
            if seconds is not None:
                await asyncio.wait_for(asked.wait(), 30)
                await asyncio.sleep(seconds)
                opening.cancel()
            await asyncio.wait([opening], timeout=30)
            [go_on] = turns.waiting
            loop.call_soon(go_on)
            await asyncio.sleep(0.1)
        assert not done
        return failures, share.held

    assert uvloop.run(serve()) == ([], 0)
