"""gunicorn's ASGI worker with an accept of its own, so that slow and broken peers cost nobody anything.

The first byte of a connection is peeked at: a TLS handshake gets TLS, anything else is served in clear text, so that the application can say why it
refuses it. Once a second one sweep compares every connection with its deadline, which keeps timers off the path of a request.

Private names of gunicorn 27.0.1 (pinned) used here: _serve, _quick_shutdown; _current_request, _body_receiver, _flow_control, _closed,
_close_transport, _keepalive_timeout, _arm_keepalive_timer, _is_websocket_upgrade, _serve_http_request, _handle_http_request, _build_http_scope,
_send_error_response, _callback_parser with _headers_list. What a connection may cost is bounded_protocol's.
WebSocket and HTTP/2 are left out on purpose.
"""

import asyncio
import contextvars
import errno
import json
import logging
import mmap
import os
import socket
import sys
from http import HTTPStatus
from itertools import islice
from typing import Any

from gunicorn.arbiter import Arbiter
from gunicorn.workers import base
from gunicorn.workers.base import Worker as SyncSignals
from gunicorn.workers.gasgi import ASGIWorker

from clients.foreign_text import shown
from dashboard.server import handshake
from dashboard.server.bounded_protocol import MOST_OF_PEOPLE, MOST_OF_STRANGERS, BoundedProtocol, Share, Turns
from dashboard.server.heartbeat import Heartbeat
from dashboard.server.listening import listen
from oauth import strict_transport
from oauth.metrics import PLACES

# Seconds that a peer may take: to its first byte, for the TLS handshake, for the first request's head, to the next request's head, for a body, to
# take (some of) our answer. Proxies keep idle connections for 60 s, so with 75 we aren't the first to close one. gunicorn itself gives up a body
# after its timeout of 30 s without a byte.
FIRST_BYTE = HANDSHAKE = 10
DEADLINES = {"head": 10.0, "next": 75.0, "body": 20.0, "write": 30.0}
STOPPING_DEADLINES = {"head": 0.5, "next": 0.5, "body": 5.0, "write": 5.0}

# Seconds for which the rest of a refused request is still read: closing with unread bytes would reset the connection and may take our answer with it.
LINGERING = 2
# Seconds between two reads of it: who goes on sending at full speed takes no time from others.
DRAINING = 0.01

# Seconds before the master's SIGKILL that are left for what happens after the last request: usage is written.
EXITING = 5

# Seconds after which a thread that computes, such as one that renders a page, lets the event loop go on; Python's usual 5 ms would add up at each turn.
SWITCHING = 0.0005

# Seconds for which a worker that has more connections than another leaves a new one to it. Kept-alive connections stay where they are, so whichever worker
# happened to wake first would do the work of both.
YIELDING = 0.002

# How long a worker that is told to end serves on, while those that are to replace it start.
HANDING_OVER = 15

# How many connections each worker has, in memory that all share because it is made before the master forks.
_NOBODY, _STARTING = -1, -2
_counts = memoryview(mmap.mmap(-1, 4 * PLACES)).cast("i")
for _place in range(PLACES):
    _counts[_place] = _NOBODY

_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

_REFUSALS = {
    400: "The request is not well-formed HTTP.",
    408: "The body did not arrive in time.",
    414: "The request line is too long.",
    431: "The header fields are too large or too many.",
    500: "The request failed. The log has the reason under its X-Request-Id.",
    501: "The transfer coding is not supported.",
    503: "The server has too much to keep of unfinished requests. Try again in a few seconds.",
}

logger = logging.getLogger("tokenos.server")

base.WorkerTmp = Heartbeat


def take_place(worker: Any) -> None:
    """To be called by the master before it forks."""
    worker.place = next((place for place, count in enumerate(_counts) if count == _NOBODY), PLACES)
    if worker.place < PLACES:
        _counts[worker.place] = _STARTING


def forget(worker: Any) -> None:
    """To be called by the master when a worker has ended, however it did."""
    if worker.place < PLACES:
        _counts[worker.place] = _NOBODY


_CODES = {500: "server_error", 503: "temporarily_unavailable"}


class HTTPConnection(BoundedProtocol):
    """One connection: gunicorn's parser and request loop, with refusals in JSON and a deadline for each phase."""

    client_certificate: bytes | None = None
    is_secure = False
    scope: dict[str, Any] | None = None
    is_refused = False
    is_lingering = False
    phase: tuple[str, int] | None = None
    phase_began = 0.0

    def connection_made(self, transport: Any) -> None:
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            self.is_secure = True
            self.client_certificate = tls.getpeercert(binary_form=True)
        self.worker.connections[self] = None
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.worker.connections.pop(self, None)
        self.drop_unparsed()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.is_lingering:
            self._pause_reading()
            self.worker.loop.call_later(DRAINING, self._resume_reading)
        else:
            super().data_received(data)

    def find_phase(self) -> str | None:
        """What the peer must do next: a key of DEADLINES, or None while it is we who work."""
        if self._closed or (self._flow_control is not None and self._flow_control.write_paused):
            return "write"
        if self._current_request is None:
            return "head" if self.scope is None else "next"
        if self._body_receiver is not None and not self._body_receiver._complete:
            return "body"
        return None

    def enforce_deadline(self, now: float, deadlines: dict[str, float]) -> None:
        """Close the connection if its phase lasts too long. A byte now and then doesn't begin a new phase."""
        name = self.find_phase()
        if name is None:
            self.phase = None
        elif self.phase != (name, self.req_count):
            self.phase, self.phase_began = (name, self.req_count), now
        elif now - self.phase_began >= deadlines[name]:
            self.close_late(name)

    def close_late(self, phase: str) -> None:
        if phase == "write":
            self.transport.abort()
        elif phase == "body":
            self._send_error_response(408, "")
            self._close_transport()
        else:
            self._keepalive_timeout()

    def _close_transport(self) -> None:
        unread = self._body_receiver is not None and not self._body_receiver._complete
        if self._closed or self.transport is None or not (self.is_refused or unread):
            super()._close_transport()
            return
        self._closed = self.is_lingering = True
        self.drop_unparsed()
        if self._body_receiver is not None:
            # Else the application would keep what has come of the body until the connection is gone.
            self._body_receiver.signal_disconnect()
        self._resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.worker.loop.call_later(LINGERING, self.transport.close)

    def _arm_keepalive_timer(self) -> None:
        """The sweep does it."""

    async def _serve_http_request(self, request: Any, sockname: Any, peername: Any) -> bool:
        """Without the task that gunicorn makes for each request, so that an application may go on after its answer: ours ends with it."""
        try:
            return await self._handle_http_request(request, sockname, peername)  # type: ignore[no-any-return]  # gunicorn has no types
        finally:
            self.let_go()

    def _is_websocket_upgrade(self, _request: Any) -> bool:
        return False

    def _build_http_scope(self, request: Any, sockname: Any, peername: Any) -> dict[str, Any]:
        self.scope = scope = super()._build_http_scope(request, sockname, peername)
        # The next request is here already: oauth.asgi then lets others have their turn between the two.
        scope["state"]["is_followed"] = self.is_followed
        scope["state"]["belong_to_person"] = self.belong_to_person
        if not scope["path"].startswith("/"):
            # RFC 9112 §3.2.2: the absolute form is for proxies, but a server has to take it.
            scope["path"] = "/" + scope["path"].partition("://")[2].partition("/")[2]
        if self.client_certificate is not None:
            scope["extensions"] = {"tls": {"client_cert": self.client_certificate}}
        return scope  # type: ignore[no-any-return]  # gunicorn has no types

    def _send_error_response(self, status: int, message: str, _extra_headers: Any = ()) -> None:
        """Refuse, without repeating any of what was sent; message, which may, goes to the log."""
        if self._closed:
            return
        # Only an answer that fails belongs to the request that the scope describes; a malformed request has no scope.
        connection = self.scope["state"].get("connection") if self.scope is not None and status in (408, 500) else None
        request_id = connection.request_id if connection else os.urandom(16).hex()
        description = _REFUSALS.get(status, "The request can't be served.")
        logger.info("Refused with %s: %s", status, _without_repeating(message) or description, extra={"request_id": request_id})
        body = json.dumps({"error": _CODES.get(status, "invalid_request"), "error_description": description}).encode()
        head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        head += "Retry-After: 2\r\n" if status == 503 else ""
        head += f"{strict_transport.NAME}: {strict_transport.VALUE}\r\n" if strict_transport.is_strict(self.find_host(), is_secure=self.is_secure) else ""
        head += f"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Request-Id: {request_id}\r\nConnection: close\r\n\r\n"
        self.is_refused = True
        self._safe_write(head.encode() + body)

    def find_host(self) -> str:
        """As the request has named it so far, "" where it hasn't."""
        return next((value.decode("latin-1") for name, value in self._callback_parser._headers_list if name == b"host"), "")


def _without_repeating(message: str) -> str:
    """What a parser says is wrong, and of what it repeats the beginning: a body whose length was wrong is read as the next request's line."""
    said, colon, repeated = message.partition(": ")
    # No word of the parser's own is longer; a version of HTTP is all that it says.
    words = [word if len(word) <= len("Contradictory") else shown(word) for word in said.split(" ")]
    return f"{' '.join(words)}{colon}{shown(repeated)}"


class Worker(ASGIWorker):  # type: ignore[misc]  # gunicorn has no types
    """Accepts, peeks, opens; counts what is open; sweeps; stops without breaking off a request."""

    alive: bool

    def init_signals(self) -> None:
        """While the application loads, the loop doesn't run and would never hear of a SIGTERM."""
        SyncSignals.init_signals(self)

    async def _serve(self) -> None:
        super().init_signals()
        sys.setswitchinterval(SWITCHING)
        self.is_stopping = asyncio.Event()
        self.connections: dict[HTTPConnection, None] = {}
        self.silent: dict[socket.socket, float] = {}
        self.openings: dict[asyncio.Task[Any], float] = {}
        self.turns = Turns(self.loop)
        self.strangers, self.people = Share(MOST_OF_STRANGERS), Share(MOST_OF_PEOPLE)
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
        # Also where the master is gone: an answer from now on closes its connection.
        self.alive = False
        await self.finish()

    def handle_exit_signal(self) -> None:
        """A reload tells the old workers to end as soon as it has forked the new ones: this one goes on until they serve."""
        if self.ends_by is None:
            self.ends_by = self.loop.time() + HANDING_OVER
            self.hand_over()

    def hand_over(self) -> None:
        assert self.ends_by is not None
        if _STARTING in _counts and self.loop.time() < self.ends_by:
            self.loop.call_later(0.05, self.hand_over)
            return
        super().handle_exit_signal()
        self.is_stopping.set()

    def handle_quit_signal(self) -> None:
        super().handle_quit_signal()
        self.is_stopping.set()

    def open_doors(self) -> None:
        """Only now that this worker can answer."""
        for listener in self.sockets:
            try:
                is_first = self.alive and listen(listener.sock, self.cfg.backlog)
            except OSError as error:
                logger.critical("Can't listen on %s: %s", listener, error.strerror)
                raise SystemExit(Arbiter.WORKER_BOOT_ERROR) from None
            if is_first:
                logger.info("Listening on %s with %s workers.", listener, self.cfg.workers)

    def listen(self) -> None:
        if self.alive:
            for listener in self.sockets:
                self.loop.add_reader(listener.sock.fileno(), self.accept, listener.sock)

    def pause(self, reason: str) -> None:
        """Leave new connections in the kernel's queue for a moment, where another worker may take them."""
        for listener in self.sockets:
            self.loop.remove_reader(listener.sock.fileno())
        self.loop.call_later(0.1, self.listen)
        if self.loop.time() - self.warned > 60:
            self.warned = self.loop.time()
            self.log.warning("New connections have to wait: %s.", reason)

    def count(self) -> int:
        """How many connections there are, which the other workers then know as well."""
        connections = len(self.connections) + len(self.silent) + len(self.openings)
        if self.place < PLACES:
            _counts[self.place] = connections
        return connections

    def yields(self, connections: int) -> bool:
        """Whether to leave a new connection to another worker, for a moment: one that doesn't take it may be stuck."""
        self.has_yielded = not self.has_yielded and connections > min((count for count in _counts if count >= 0), default=0)
        if self.has_yielded:
            for listener in self.sockets:
                self.loop.remove_reader(listener.sock.fileno())
            self.loop.call_later(YIELDING, self.listen)
        return self.has_yielded

    def accept(self, listener: socket.socket) -> None:
        """Take one connection: a worker that took all that wait would leave none to the others."""
        connections = self.count()
        if self.yields(connections):
            return
        if connections >= self.worker_connections and not self.shed():
            self.pause(f"{self.worker_connections} are open")
            return
        try:
            sock, _ = listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            self.shed()
            self.pause(error.strerror or "accept failed")
            return
        sock.settimeout(0)
        if self.cfg.is_ssl:
            self.peek(sock)
        else:
            self.open(sock, None)

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
        if self.silent.pop(sock, None) is not None:
            self.loop.remove_reader(sock.fileno())
        if first:
            self.open(sock, self.cfg.ssl_context(self.cfg, None) if first == b"\x16" else None)
        else:
            sock.close()

    def open(self, sock: socket.socket, context: Any) -> None:
        timeouts = {"ssl_handshake_timeout": HANDSHAKE, "ssl_shutdown_timeout": LINGERING} if context else {}
        around = contextvars.copy_context()
        around.run(handshake.peer.set, sock)
        connecting = self.loop.connect_accepted_socket(lambda: HTTPConnection(self), sock, ssl=context, **timeouts)
        opening = self.loop.create_task(connecting, context=around)
        self.openings[opening] = self.loop.time()
        opening.add_done_callback(self.opened)

    def opened(self, opening: "asyncio.Task[Any]") -> None:
        del self.openings[opening]
        if not opening.cancelled() and opening.exception():
            self.log.debug("Connection not opened: %s", opening.exception())

    def drop(self, sock: socket.socket) -> None:
        del self.silent[sock]
        self.loop.remove_reader(sock.fileno())
        sock.close()

    def sweep(self, deadlines: dict[str, float]) -> None:
        now = self.loop.time()
        for sock in [sock for sock, since in self.silent.items() if now - since >= min(FIRST_BYTE, deadlines["head"])]:
            self.drop(sock)
        for connection in list(self.connections):
            connection.enforce_deadline(now, deadlines)

    def shed(self) -> bool:
        """Make room: drop some of the oldest peers that have sent nothing for a second, if need be idle ones. Return whether there were any."""
        some = 1 + self.worker_connections // 64
        now = self.loop.time()
        silent = [sock for sock, since in self.silent.items() if now - since > 1][:some]
        for sock in silent:
            self.drop(sock)
        openings = [opening for opening, since in self.openings.items() if now - since > 1][:some]
        for opening in openings:
            opening.cancel()
        idle: list[HTTPConnection] = []
        for phase in ("head", "next"):
            idle = idle or list(islice((connection for connection in self.connections if connection.find_phase() == phase), some))
        for connection in idle:
            # A polite close takes a TLS peer's answer, and the descriptor is needed now.
            connection.transport.abort()
        return bool(silent or openings or idle)

    async def finish(self) -> None:
        """Serve what has already connected, then wait for all that is in flight; peers get little time from now on."""
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
