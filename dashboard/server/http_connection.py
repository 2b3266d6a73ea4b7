"""One connection of a worker: gunicorn's parser and request loop, with refusals in JSON and a deadline for each phase.

Private names of gunicorn 27.0.1 (pinned) used here: _current_request, _body_receiver, _flow_control, _closed, _close_transport, _keepalive_timeout,
_will_close, _arm_keepalive_timer, _is_websocket_upgrade, _serve_http_request, _handle_http_request, _build_http_scope, _send_error_response,
_callback_parser with _headers_list, _handle_connection, _conn_lost_handled, _request_ready. bounded_protocol limits what a connection may cost. WebSocket and
HTTP/2 are left out on purpose.
"""

import json
import logging
import os
from http import HTTPStatus
from typing import Any

from clients.foreign_text import shown
from dashboard.server.bounded_protocol import ALWAYS_TAKEN, BoundedProtocol
from dashboard.server.networks import Stay
from oauth import strict_transport
from oauth.log_quota import spend_on_refusal

# Seconds for which the rest of a refused request is still read: closing with unread bytes would reset the connection, and the peer might lose our response.
LINGERING = 2
# Undecrypted bytes of a TLS connection beyond which no more is read from it.
MAX_ENCRYPTED = 64 * 1024
# Seconds between two such reads, so that a peer that sends at full speed doesn't slow down others.
DRAINING = 0.01
# Seconds for which a connection is kept idle after a stranger sent much at once: TLS keeps the 0.3 MB that it needed for that as long as the connection is
# open.
IDLE_GROWN = 2.0

_REFUSALS = {
    400: "The request is not well-formed HTTP.",
    408: "The body did not arrive in time.",
    414: "The request line is too long.",
    431: "The header fields are too large or too many.",
    500: "The request failed. The log has the reason under its X-Request-Id.",
    501: "The transfer coding is not supported.",
    503: "Unfinished requests take too much of the server's memory. Try again in a few seconds.",
}
_CODES = {500: "server_error", 503: "temporarily_unavailable"}

logger = logging.getLogger("tokenos.server")


class HTTPConnection(BoundedProtocol):
    transport: Any
    writer: Any
    _flow_control: Any
    _body_receiver: Any
    _callback_parser: Any
    client_certificate: bytes | None = None
    is_secure = False
    scope: dict[str, Any] | None = None
    is_refused = False
    is_lingering = False
    is_served = True
    phase: tuple[str, int] | None = None
    phase_began = 0.0
    stay: Stay | None = None

    def connection_made(self, transport: Any) -> None:
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            self.is_secure = True
            self.client_certificate = tls.getpeercert(binary_form=True)
            # The limit is longer than one record, because a partial record can't be decrypted.
            transport.set_read_buffer_limits(MAX_ENCRYPTED, MAX_ENCRYPTED // 2)
        else:
            # As soon as data waits to be sent, no more is written. The same holds with TLS, see open_tls.
            transport.set_write_buffer_limits(0)
        self.worker.connections[self] = None
        if self.stay is not None:
            self.stay.connection = self
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.worker.connections.pop(self, None)
        if self.stay is not None:
            self.stay.leave()
        self.drop_unparsed()
        self.worker.unsent.remove(self)
        super().connection_lost(exc)
        # Otherwise the task that waits for the next request would wait three more seconds.
        self._request_ready.set()
        if self._flow_control is not None:
            # So would the task that waits for the peer to take its response.
            self._flow_control.resume_writing()
        self.let_all_go()

    async def _handle_connection(self) -> None:
        try:
            await super()._handle_connection()
        finally:
            self.is_served = False
            self.let_all_go()

    def let_all_go(self) -> None:
        """Called once the peer and the application are done. The objects refer to each other, so the garbage collector would free them, and TLS's memory, only
        a thousand connections later, and delay requests then.
        """
        if self._conn_lost_handled and not self.is_served:
            self.transport = self.writer = self._flow_control = self._body_receiver = None
            self._callback_parser = self.scope = self.stay = None

    def data_received(self, data: bytes) -> None:
        if self.is_lingering:
            self._pause_reading()
            self.worker.loop.call_later(DRAINING, self._resume_reading)
        else:
            super().data_received(data)

    def find_phase(self) -> str | None:
        """The phase that the peer must finish next: a key of DEADLINES, or None while we are working."""
        if self._closed or (self._flow_control is not None and self._flow_control.write_paused):
            return "write"
        if self._current_request is None:
            return "head" if self.scope is None else "next"
        if self._body_receiver is not None and not self._body_receiver._complete:
            return "body"
        return None

    def resume_writing(self) -> None:
        super().resume_writing()
        # The peer has taken a part of its response, so it gets the same time for the next part.
        self.phase = None

    @property
    def keeps_memory(self) -> bool:
        """Whether the connection still has the memory that TLS needed when a stranger sent much at once."""
        return self.is_secure and self.has_grown

    def enforce_deadline(self, now: float, deadlines: dict[str, float]) -> None:
        """Close the connection if its phase lasts too long. An occasional byte doesn't begin a new phase."""
        name = self.find_phase()
        if name is None:
            self.phase = None
        elif self.phase != (name, self.req_count):
            self.phase, self.phase_began = (name, self.req_count), now
        elif now - self.phase_began >= deadlines[name] or (name == "next" and self.keeps_memory and now - self.phase_began >= IDLE_GROWN):
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
            # Otherwise the application would keep the received part of the body until the connection is closed.
            self._body_receiver.signal_disconnect()
        self._resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.worker.loop.call_later(LINGERING, self.transport.close)

    def _will_close(self, request: Any, response_requires_close: bool) -> bool:  # noqa: FBT001  # gunicorn's signature
        """Also close it if a body wasn't read to its end, and after a stranger's long body, see IDLE_GROWN."""
        unread = self._body_receiver is not None and not self._body_receiver._complete
        was_long = self.keeps_memory and self.octets > ALWAYS_TAKEN and not self.is_followed
        return unread or was_long or bool(super()._will_close(request, response_requires_close))

    def _arm_keepalive_timer(self) -> None:
        """Does nothing: the sweep enforces deadlines."""

    async def _serve_http_request(self, request: Any, sockname: Any, peername: Any) -> bool:
        """This leaves out gunicorn's task for each request, which lets an application continue after its response: ours doesn't continue."""
        try:
            if self.is_followed:
                # Otherwise this task would answer everything that its peer sent at once, before the loop serves others.
                await self.worker.turns.wait(self.network)
                if self._closed:
                    return False
            return await self._handle_http_request(request, sockname, peername)  # type: ignore[no-any-return]  # gunicorn has no types
        finally:
            self.let_go()

    def _is_websocket_upgrade(self, _request: Any) -> bool:
        return False

    def _build_http_scope(self, request: Any, sockname: Any, peername: Any) -> dict[str, Any]:
        self.scope = scope = super()._build_http_scope(request, sockname, peername)
        # If the next request has already arrived, oauth.asgi lets others have a turn before it.
        scope["state"]["is_followed"] = self.is_followed
        scope["state"]["belong_to_person"] = self.belong_to_person
        scope["state"]["keep"] = self.keep
        if not scope["path"].startswith("/"):
            # RFC 9112 §3.2.2: the absolute form is for proxies, but a server must accept it, and its host counts instead of Host.
            host, _, raw_path = scope["raw_path"].partition(b"://")[2].partition(b"/")
            scope["path"] = "/" + scope["path"].partition("://")[2].partition("/")[2]
            scope["raw_path"] = b"/" + raw_path
            scope["headers"] = [(name, host if name == b"host" else value) for name, value in scope["headers"]]
        if self.client_certificate is not None:
            scope["extensions"] = {"tls": {"client_cert": self.client_certificate}}
        return scope  # type: ignore[no-any-return]  # gunicorn has no types

    def _send_error_response(self, status: int, message: str, _extra_headers: Any = ()) -> None:
        """Refuse without repeating anything that was sent. message, which may repeat some of it, goes to the log."""
        if self._closed:
            return
        # Only with these statuses is the scope this request's; a malformed request has no scope.
        connection = self.scope["state"].get("connection") if self.scope is not None and status in (408, 500) else None
        request_id = connection.request_id if connection else os.urandom(16).hex()
        description = _REFUSALS.get(status, "The request can't be served.")
        # Always log our own failures, so that a stranger's requests can't hide them.
        left_out = 0 if status == 500 else spend_on_refusal(str(status), self.network)
        if left_out is not None:
            extra = {"request_id": request_id, "left_out": left_out or None}
            logger.info("Refused with %s: %s", status, _without_repeating(message) or description, extra=extra)
        body = json.dumps({"error": _CODES.get(status, "invalid_request"), "error_description": description}).encode()
        head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        head += "Retry-After: 2\r\n" if status == 503 else ""
        head += f"{strict_transport.NAME}: {strict_transport.VALUE}\r\n" if strict_transport.is_strict(self.find_host(), is_secure=self.is_secure) else ""
        head += f"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Request-Id: {request_id}\r\nConnection: close\r\n\r\n"
        self.is_refused = True
        self._safe_write(head.encode() + body)

    def find_host(self) -> str:
        """The host that the request has named so far, "" if it hasn't."""
        return next((value.decode("latin-1") for name, value in self._callback_parser._headers_list if name == b"host"), "")


def _without_repeating(message: str) -> str:
    """The parser's error, with only the beginning of anything that it repeats: after a wrong length, a body is read as the next request line."""
    said, colon, repeated = message.partition(": ")
    # The parser's own words are no longer than this; it repeats at most an HTTP version.
    words = [word if len(word) <= len("Contradictory") else shown(word) for word in said.split(" ")]
    return f"{' '.join(words)}{colon}{shown(repeated)}"
