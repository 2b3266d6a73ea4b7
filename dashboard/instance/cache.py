"""Stores values in Redis. TokenOS doesn't trust it: somebody else may be able to write to it, or answer in its place."""

import json
import socket
from time import monotonic
from typing import Any

from redis.connection import Connection, ConnectionPool, SSLConnection

# For the reply to one command: octets, and seconds. The longest value is a list of a few hundred times.
MAX_REPLY = 65_536
REPLY_SECONDS = 1


class JSONSerializer:
    """Replaces Django's serializer, which unpickles: an attacker who can write to Redis, or is on the way to it, could run code here."""

    def dumps(self, value: Any) -> bytes:
        return json.dumps(value).encode()

    def loads(self, data: bytes) -> Any:
        """Raise ValueError for a value that isn't ours."""
        return json.loads(data)


class _BoundedSocket:
    """The client library reads a reply of any length, and starts its time limit anew with each octet."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def sendall(self, data: bytes) -> None:
        self._ends_at, self._left = monotonic() + REPLY_SECONDS, MAX_REPLY
        self._sock.sendall(data)

    def recv(self, size: int) -> bytes:
        if self._left <= 0 or monotonic() > self._ends_at:
            raise OSError("The reply doesn't end.")
        received = self._sock.recv(min(size, self._left))
        self._left -= len(received)
        return received

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class _BoundedConnection(Connection):
    def _connect(self) -> _BoundedSocket:
        return _BoundedSocket(super()._connect())  # type: ignore[no-untyped-call]  # it has none


class _BoundedTLSConnection(SSLConnection):
    def _connect(self) -> _BoundedSocket:
        return _BoundedSocket(super()._connect())  # type: ignore[no-untyped-call]  # it has none


class Pool(ConnectionPool):
    def __init__(self, connection_class: type[Connection] = Connection, **options: Any) -> None:
        super().__init__(_BoundedTLSConnection if issubclass(connection_class, SSLConnection) else _BoundedConnection, **options)
