"""Sends mail over SMTP (RFC 5321). In smtplib, a server that sends one line after another, or one octet after another, keeps its caller waiting forever."""

import smtplib
import socket
from time import monotonic
from typing import Any

from django.core.mail.backends import smtp

# Octets of one reply. RFC 5321 §4.5.3.1.5 allows 512 for a line, and a server has about 20 extensions.
MAX_REPLY = 65_536
# Seconds for one reply, if EMAIL_TIMEOUT doesn't say otherwise.
PATIENCE = 10


class _Replies:
    """Reads a connection's replies in place of smtplib's file."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.buffer = b""

    def begin(self, seconds: float) -> None:
        self.ends_at, self.left = monotonic() + seconds, MAX_REPLY

    def readline(self, size: int) -> bytes:
        """Like that of a file. Raise OSError if the reply takes too long or is too long."""
        while b"\n" not in self.buffer and len(self.buffer) < size:
            remaining = self.ends_at - monotonic()
            if remaining <= 0 or self.left <= 0:
                raise OSError("The mail server's reply doesn't end.")
            self.sock.settimeout(remaining)
            received = self.sock.recv(min(self.left, 4096))
            if not received:
                break
            self.left -= len(received)
            self.buffer += received
        end = min(self.buffer.find(b"\n") + 1 or len(self.buffer), size)
        line, self.buffer = self.buffer[:end], self.buffer[end:]
        return line

    def close(self) -> None:
        """The socket is the connection's to close."""


class _Bounded(smtplib.SMTP):
    def getreply(self) -> tuple[int, bytes]:
        seconds = self.timeout if isinstance(self.timeout, int | float) else PATIENCE
        if self.file is None and self.sock is not None:
            self.file: Any = _Replies(self.sock)
        if self.file is not None:
            self.file.begin(seconds)
        try:
            return super().getreply()
        finally:
            if self.sock is not None:
                self.sock.settimeout(seconds)


class _BoundedTLS(_Bounded, smtplib.SMTP_SSL):
    pass


class Backend(smtp.EmailBackend):
    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return _BoundedTLS if self.use_ssl else _Bounded
