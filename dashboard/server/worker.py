"""gunicorn's ASGI worker with its own accept, so that slow and broken peers don't affect others.

It peeks at a connection's first byte: a TLS handshake gets TLS, anything else is served in clear text, so that the application can say why it refuses it.
Once a second, a sweep compares every connection with its deadline, so no request needs a timer.

Private names of gunicorn 27.0.1 (pinned) used here: _serve, _quick_shutdown.
"""

import asyncio
import errno
import logging
import os
import socket
import sys
from functools import partial
from typing import Any

from gunicorn.arbiter import Arbiter
from gunicorn.workers import base
from gunicorn.workers.base import Worker as SyncSignals
from gunicorn.workers.gasgi import ASGIWorker

from dashboard.server import places
from dashboard.server.bounded_protocol import MAX_OF_PEOPLE, MAX_OF_STRANGERS, Share
from dashboard.server.certificate_readers import CertificateReaders
from dashboard.server.heartbeat import Heartbeat
from dashboard.server.http_connection import LINGERING, HTTPConnection
from dashboard.server.listening import listen
from dashboard.server.memory import FreedMemory
from dashboard.server.networks import PATIENCE, Networks, Stay
from dashboard.server.tls_protocol import find_address, find_network, has_ended, open_tls
from dashboard.server.turns import IDLE, Turns
from dashboard.server.unsent import Unsent

# Seconds that a peer may take: until its first byte, for the TLS handshake, for the first request's head, until the next request's head, for a body, and to
# take a part of our response. Proxies keep idle connections for 60 s, so with 75 s we aren't the first to close one. gunicorn itself gives up a body after 30 s
# without a byte.
FIRST_BYTE = HANDSHAKE = 10
DEADLINES = {"head": 10.0, "next": 75.0, "body": 20.0, "write": 30.0}
STOPPING_DEADLINES = {"head": 0.5, "next": 0.5, "body": 5.0, "write": 5.0}

# Seconds before the master's SIGKILL that are reserved for the work after the last request: writing usage.
EXITING = 5

# Seconds after which a computing thread, such as one that renders a page, lets the event loop continue. Python's default of 5 ms would add up at each turn.
SWITCHING = 0.0005

# Seconds for which a worker with more connections than another leaves a new one to it. Kept-alive connections stay where they are, so otherwise the worker
# that happens to wake first would do the work of both.
YIELDING = 0.002

# A busy worker takes this many new connections at once: that costs as much as a handshake.
MAX_ACCEPTED = 32

# A worker that is told to end keeps serving for this long while its replacement starts.
HANDING_OVER = 15

_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

logger = logging.getLogger("tokenos.server")

base.WorkerTmp = Heartbeat


class Worker(ASGIWorker):  # type: ignore[misc]  # gunicorn has no types
    """Accepts, peeks at and opens connections, counts the open ones, sweeps, and stops without breaking off a request."""

    alive: bool

    def init_signals(self) -> None:
        """While the application loads, the loop doesn't run and wouldn't notice a SIGTERM."""
        SyncSignals.init_signals(self)

    async def _serve(self) -> None:
        super().init_signals()
        sys.setswitchinterval(SWITCHING)
        self.is_stopping = asyncio.Event()
        self.connections: dict[HTTPConnection, None] = {}
        self.silent: dict[socket.socket, float] = {}
        self.stays: dict[socket.socket, Stay] = {}
        self.networks = Networks(self.worker_connections)
        self.openings: dict[asyncio.Task[Any], float] = {}
        self.turns = Turns(self.loop)
        self.readers = CertificateReaders(self.loop)
        self.strangers, self.people = Share(MAX_OF_STRANGERS), Share(MAX_OF_PEOPLE)
        self.unsent = Unsent()
        self.begun = 0
        self.freed = FreedMemory()
        self.warned = -60.0
        self.has_yielded = False
        self.ends_by: float | None = None
        self.open_doors()
        self.listen()
        self.count()
        while self.alive and self.ppid == os.getppid():
            self.notify()
            self.sweep(DEADLINES)
            self.count()
            try:
                await asyncio.wait_for(self.is_stopping.wait(), 1.0)
            except TimeoutError:
                continue
        # Even if the master is gone, every response from now on closes its connection.
        self.alive = False
        await self.finish()

    def handle_exit_signal(self) -> None:
        """A reload tells the old workers to end as soon as it has forked the new ones. This worker continues until they serve."""
        if self.ends_by is None:
            self.ends_by = self.loop.time() + HANDING_OVER
            self.hand_over()

    def hand_over(self) -> None:
        assert self.ends_by is not None
        if places.is_anyone_starting() and self.loop.time() < self.ends_by:
            self.loop.call_later(0.05, self.hand_over)
            return
        super().handle_exit_signal()
        self.is_stopping.set()

    def handle_quit_signal(self) -> None:
        super().handle_quit_signal()
        self.is_stopping.set()

    def open_doors(self) -> None:
        """Called once this worker can answer."""
        for listener in self.sockets:
            try:
                is_first = self.alive and listen(listener.sock, self.cfg.backlog)
            except OSError as error:
                logger.critical("Can't listen on %s: %s", listener, error.strerror)
                raise SystemExit(Arbiter.WORKER_BOOT_ERROR) from None
            if is_first:
                logger.info("Listening on %s with %s worker%s.", listener, self.cfg.workers, "" if self.cfg.workers == 1 else "s")

    def listen(self) -> None:
        if self.alive:
            for listener in self.sockets:
                self.loop.add_reader(listener.sock.fileno(), self.accept, listener.sock)

    def pause(self, reason: str) -> None:
        """Leave new connections in the kernel's queue for a moment, so that another worker can take them."""
        for listener in self.sockets:
            self.loop.remove_reader(listener.sock.fileno())
        self.loop.call_later(0.1, self.listen)
        if self.loop.time() - self.warned > 60:
            self.warned = self.loop.time()
            self.log.warning("New connections have to wait: %s.", reason)

    def count(self) -> int:
        """The number of connections. This also tells the other workers."""
        connections = len(self.connections) + len(self.silent) + len(self.openings)
        places.note(self, connections)
        return connections

    def yields(self, connections: int) -> bool:
        """Whether to leave a new connection to another worker. It does so only for a moment, because the other worker may be stuck."""
        self.has_yielded = not self.has_yielded and connections > places.fewest()
        if self.has_yielded:
            for listener in self.sockets:
                self.loop.remove_reader(listener.sock.fileno())
            self.loop.call_later(YIELDING, self.listen)
        return self.has_yielded

    def accept(self, listener: socket.socket) -> None:
        """Take only one connection: a worker that took all waiting ones would leave none to the others. A busy worker takes more, because in the kernel's queue
        networks don't take turns.
        """
        if self.yields(self.count()):
            return
        for _ in range(MAX_ACCEPTED if self.turns.are_asked_for else 1):
            if not self.take(listener):
                return

    def take(self, listener: socket.socket) -> bool:
        """Accept a connection. Return whether to accept another at once."""
        # The connections that are shed end later.
        is_full = self.count() >= self.worker_connections
        if is_full and not self.shed():
            self.pause(f"{self.worker_connections} are open")
            return False
        try:
            sock, _ = listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return False
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            self.shed()
            self.pause(error.strerror or "accept failed")
            return False
        sock.settimeout(0)
        stay = self.networks.enter(find_address(sock), self.loop.time())
        if stay is None:
            sock.close()
            return not is_full
        self.begun += 1
        self.stays[sock] = stay
        stay.end = partial(self.drop, sock)
        if self.cfg.is_ssl:
            self.peek(sock)
        else:
            self.open(sock, None)
        return not is_full

    def peek(self, sock: socket.socket) -> None:
        try:
            first = sock.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            if sock not in self.silent:
                self.silent[sock] = self.loop.time()
                self.loop.add_reader(sock.fileno(), self.peek, sock)
            return
        except OSError:
            first = b""
        if sock in self.silent:
            self.loop.remove_reader(sock.fileno())
        else:
            self.silent[sock] = self.loop.time()
        if first:
            # This gets its own turn, because the received data is read at once: up to 0.5 MB of memory, which is counted before the next connection's.
            self.turns.ask(partial(self.begin, sock, first), find_network(sock))
        else:
            del self.silent[sock]
            self.close(sock)

    def begin(self, sock: socket.socket, first: bytes) -> object:
        if self.silent.pop(sock, None) is None:
            return IDLE
        if first != b"\x16":
            self.open(sock, None)
        elif has_ended(sock):
            self.close(sock)
        else:
            self.open(sock, self.cfg.ssl_context(self.cfg, None))
        return None

    def close(self, sock: socket.socket) -> None:
        if sock in self.stays:
            self.stays.pop(sock).leave()
        sock.close()

    def open(self, sock: socket.socket, context: Any) -> None:
        connection = HTTPConnection(self)
        connection.stay = self.stays.pop(sock, None)
        connection.network = find_network(sock)
        if context is None:
            connecting = self.loop.connect_accepted_socket(lambda: connection, sock)
        else:
            timeouts = {"ssl_handshake_timeout": HANDSHAKE, "ssl_shutdown_timeout": LINGERING}
            connecting = open_tls(self.loop, connection, sock, context, self.readers, self.turns, self.strangers, **timeouts)
        opening = self.loop.create_task(connecting)
        self.openings[opening] = self.loop.time()
        if connection.stay is not None:
            connection.stay.end = opening.cancel
        opening.add_done_callback(partial(self.opened, connection.stay))

    def opened(self, stay: Stay | None, opening: "asyncio.Task[Any]") -> None:
        del self.openings[opening]
        if stay is not None:
            # Otherwise this object and the connection's data would only be free at the next garbage collection.
            stay.end = None
            # uvloop doesn't report a handshake that was ended as an error.
            if stay.connection is None:
                stay.leave()
        if not opening.cancelled() and opening.exception():
            self.log.debug("Connection not opened: %s", opening.exception())

    def drop(self, sock: socket.socket) -> None:
        del self.silent[sock]
        self.loop.remove_reader(sock.fileno())
        self.close(sock)

    def sweep(self, deadlines: dict[str, float]) -> None:
        now = self.loop.time()
        self.networks.forget()
        for sock in [sock for sock, since in self.silent.items() if now - since >= min(FIRST_BYTE, deadlines["head"])]:
            self.drop(sock)
        for connection in list(self.connections):
            connection.enforce_deadline(now, deadlines)
        self.freed.give_back(self.begun - self.count(), now)

    def shed(self) -> bool:
        """Make room: drop some of the oldest peers that have sent nothing for a while, and some that we wait for. Return whether there were any."""
        some = 1 + self.worker_connections // 64
        now = self.loop.time()
        silent = [sock for sock, since in self.silent.items() if now - since > PATIENCE][:some]
        for sock in silent:
            self.drop(sock)
        openings = [opening for opening, since in self.openings.items() if now - since > PATIENCE][:some]
        for opening in openings:
            opening.cancel()
        waiting = self.networks.choose_waiting(self.connections, some)
        for connection in waiting:
            # A clean TLS close would have to wait for the peer's answer, but the descriptor is needed now.
            connection.transport.abort()
        return bool(silent or openings or waiting)

    async def finish(self) -> None:
        """Serve the peers that have already connected, then wait for all requests in flight. Peers get little time from now on."""
        for listener in self.sockets:
            self.loop.remove_reader(listener.sock.fileno())
            for _ in range(self.cfg.backlog):
                try:
                    sock, _address = listener.sock.accept()
                except OSError:
                    break
                sock.settimeout(0)
                self.peek(sock) if self.cfg.is_ssl else self.open(sock, None)
            listener.close()
        last = self.loop.time() + max(self.cfg.graceful_timeout - EXITING, 1)
        while (self.connections or self.silent or self.openings) and not self._quick_shutdown and self.loop.time() < last:
            self.notify()
            self.sweep(STOPPING_DEADLINES)
            await asyncio.sleep(0.1)
