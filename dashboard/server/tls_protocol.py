"""uvloop's TLS, with handshakes that can continue in another thread and come back.

While a handshake is in another thread, its connection isn't touched: no data is read from the peer, and if the peer is gone, the connection is only closed
afterwards. No data is read either while a handshake waits for its turn; earlier data counts against the strangers' share.

Private name of uvloop 0.23.0 (pinned) used here: loop.SSLProtocol, a protocol like asyncio's own.
"""

import asyncio
import contextvars
import socket
from typing import Any

from uvloop.loop import SSLProtocol  # type: ignore[attr-defined]  # its stubs leave it out

from dashboard.server.bounded_protocol import Share
from dashboard.server.certificate_readers import CertificateReaders
from dashboard.server.handshake import MAX, MAX_OF_HELLO, Handshake, opening
from dashboard.server.turns import Turns
from oauth.sender_network import widest_network_of

# Received data is in uvloop's buffer and in OpenSSL's. Both keep the largest size that they needed.
_BUFFERS = 2
# A state of a TCP connection, as in Linux's tcp_info.
_ESTABLISHED = 1
# The data of a handshake is always accepted, even if others have sent much.
_ALWAYS_TAKEN = _BUFFERS * (MAX_OF_HELLO + MAX)


class TLSProtocol(SSLProtocol):  # type: ignore[misc]  # uvloop has no type for it
    """The layer between a connection's transport and HTTP. network, address: the peer's, "" for a Unix socket or a peer that is gone."""

    raw: Any
    handshake: Handshake | None = None
    is_away = was_aside = is_waiting = False
    is_lost = False
    loss: Exception | None = None
    held = 0

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        connection: Any,
        context: Any,
        address: str,
        readers: CertificateReaders,
        turns: Turns,
        share: Share,
        **timeouts: float,
    ) -> None:
        self.made: asyncio.Future[Any] | None = loop.create_future()
        super().__init__(loop, connection, context, self.made, server_side=True, **timeouts)
        self.connection = connection
        self.address = address
        self.network = widest_network_of(address)
        self.readers = readers
        self.turns = turns
        self.share = share
        self.around = contextvars.copy_context()

    def connection_made(self, transport: Any) -> None:
        self.raw = transport
        token = opening.set(self)
        super().connection_made(transport)
        opening.reset(token)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.is_away and not self.readers.forget(self):
            self.is_lost, self.loss = True, exc
            assert self.made is not None
            self.made.cancel()
            return
        self._hold(0)
        if self.handshake is not None:
            self.handshake.let_go()
        self.connection = None
        super().connection_lost(exc)
        # The error would keep this object alive by the frames of its traceback.
        self.made = None

    def pause_writing(self) -> None:
        """Tell HTTP that encrypted bytes are waiting. uvloop doesn't: it would accept more, and close the connection before they are sent."""
        super().pause_writing()
        self.connection.pause_writing()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.raw.get_write_buffer_size():
            self.connection.resume_writing()

    def read_aside(self) -> bool:
        """Have a thread read the handshake. Return False if no thread is free."""
        if not self.readers.ask(self):
            return False
        self.is_away = self.was_aside = True
        self.raw.pause_reading()
        return True

    def read(self) -> None:
        assert self.handshake is not None
        self.handshake.go_on_aside()

    def ask_for_turn(self) -> None:
        """Ask for a turn to continue with received data: with a handshake, or to read what OpenSSL hasn't got."""
        assert self.handshake is not None
        if self.handshake.opening is not None:
            self._hold(max(self.held, _BUFFERS * self.handshake.held))
            if self.held > _ALWAYS_TAKEN and self.share.held > self.share.most:
                self.raw.abort()
                return
            self.is_waiting = True
            self.raw.pause_reading()
        self.turns.ask(self.read_on, self.network)

    def _hold(self, octets: int) -> None:
        self.share.held += octets - self.held
        self.held = octets

    def read_on(self) -> None:
        assert self.handshake is not None
        if self.is_waiting:
            self.is_waiting = False
            # The connection may have been ended to make room for another.
            if self.connection is None or self.raw.is_closing():
                return
            # Only at the first message, because afterwards little is left to compute, and a request may be among the data.
            if not self.handshake.hellos and has_ended(self.raw.get_extra_info("socket")):
                self.raw.abort()
                return
            self.raw.resume_reading()
        self.handshake.is_waiting, self.handshake.has_turn = False, True
        # No data has arrived, but this triggers the same work as if some had.
        self.buffer_updated(0)
        self.handshake.has_turn = False
        if self.handshake.opening is None:
            self._hold(0)

    def go_on(self) -> None:
        self.around.run(self._come_back)

    def _come_back(self) -> None:
        self.is_away = False
        if self.is_lost:
            self.connection_lost(self.loss)
            return
        self.raw.resume_reading()
        self.read_on()


async def open_tls(
    loop: asyncio.AbstractEventLoop,
    connection: Any,
    sock: socket.socket,
    context: Any,
    readers: CertificateReaders,
    turns: Turns,
    share: Share,
    **timeouts: float,
) -> None:
    """Like loop.connect_accepted_socket with a context."""
    protocol = TLSProtocol(loop, connection, context, find_address(sock), readers, turns, share, **timeouts)
    made = protocol.made
    assert made is not None
    try:
        transport = (await loop.connect_accepted_socket(lambda: protocol, sock))[0]
    except BaseException:
        # uvloop has closed the transport without saying so.
        protocol.connection_lost(None)
        del protocol, made
        raise
    try:
        await made
    except BaseException:
        transport.abort()
        # The error's traceback keeps this frame alive.
        del protocol, made
        raise
    if not transport.is_closing():
        # As soon as data waits to be sent, no more is written. It isn't set earlier, because uvloop wouldn't send the rest of a handshake that had to wait.
        transport.set_write_buffer_limits(0)
    if protocol.was_aside and connection.client_certificate is not None:
        readers.know(protocol.network)


def find_network(sock: socket.socket) -> str:
    """The peer's network; "" as in find_address."""
    return widest_network_of(find_address(sock))


def find_address(sock: socket.socket) -> str:
    try:
        peer = sock.getpeername()
    except OSError:
        return ""
    return str(peer[0]).removeprefix("::ffff:").partition("%")[0] if isinstance(peer, tuple) else ""


def has_ended(sock: socket.socket) -> bool:
    """Whether the peer has closed its side. For a handshake that is the end, although its data can still be read. This can't be told for a Unix socket."""
    try:
        return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != _ESTABLISHED
    except OSError:
        return False
