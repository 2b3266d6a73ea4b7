"""HTTPS requests to servers that may be hostile, in a separate process. oauth.fetch starts it, gives it one order after another, and kills it when the time is
up. Only killing a process can stop the system's resolver, or OpenSSL while it computes with the numbers in a server's certificate.

It runs as a file and uses only the standard library. It reads a line of JSON and writes a line of JSON.
"""

import io
import json
import os
import signal
import socket
import ssl
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from http.client import HTTPException, HTTPResponse
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address
from typing import Any, BinaryIO, TypedDict

MAX_BYTES = 64 * 1024
# A process that gets no order ends after this many seconds.
KEPT = 600

# Beside the body: the status line, the headers and the overhead of the transfer encoding.
_MAX_OVERHEAD = 16 * 1024
# Passed to nice: requests that don't need another server come first.
_NICENESS = 5

_GLOBAL_UNICAST = IPv6Network("2000::/3")
# These look global but are for documentation or another form of an IPv4 address (6to4).
_NOT_PUBLIC = (IPv6Network("2002::/16"), IPv6Network("3fff::/20"))
# Likewise: the 6to4 relay (RFC 7526), the address that an Azure virtual machine gets its certificates and settings from, and the range for protocols only
# (RFC 6890), where some clouds have similar services. Older versions of Python know only a part of that range.
_NOT_PUBLIC_V4 = (IPv4Network("192.88.99.0/24"), IPv4Network("168.63.129.16/32"), IPv4Network("192.0.0.0/24"))
# RFC 6052 §2.1: the last four octets are an IPv4 address, the only way to reach one from an IPv6-only network.
_NAT64 = IPv6Network("64:ff9b::/96")


class Order(TypedDict):
    """request: as sent over the wire, in Latin-1. is_open: whether the host may have a private address. ca_file: the only CAs to trust, in PEM; "" for the
    system's or SSL_CERT_FILE's. timeout: in seconds; the process ends after it even if its parent is no longer there to kill it.
    """

    host: str
    port: int
    request: str
    is_open: bool
    ca_file: str
    timeout: float


class Reply(TypedDict):
    """problem: what went wrong, "" if there is an answer. cause: why, if only the operator may know it, "" otherwise. body: in Latin-1."""

    problem: str
    cause: str
    status: int
    body: str


class _ProblemError(Exception):
    """Its text says what went wrong, for the owner of the URL. cause: as in Reply."""

    def __init__(self, text: str, cause: str = "") -> None:
        super().__init__(text)
        self.cause = cause


def exchange(order: Order) -> Reply:
    """There is no time limit here: the parent process enforces it."""
    host, cause = order["host"], ""
    try:
        addresses = _resolve(host, order["port"], is_open=order["is_open"])
        with _connect(addresses, order["port"]) as plain, _tls_context(order["ca_file"]).wrap_socket(plain, server_hostname=host) as connection:
            return _ask(connection, host, order["request"].encode("latin-1"))
    except _ProblemError as error:
        problem, cause = str(error), error.cause
    except ssl.SSLCertVerificationError as error:
        problem = f"the certificate of {host} isn't valid: {error.verify_message}"
    except HTTPException:
        problem = f"{host} didn't return well-formed HTTP"
    except OSError as error:
        problem = f"the connection to {host} failed ({error.strerror or type(error).__name__})"
    return {"problem": problem, "cause": cause, "status": 0, "body": ""}


def is_public(address: str) -> bool:
    """Whether an address, in any notation, is on the public Internet."""
    ip = ip_address(address)
    if isinstance(ip, IPv4Address):
        return ip.is_global and not ip.is_multicast and not ip.is_reserved and not any(ip in network for network in _NOT_PUBLIC_V4)
    if ip in _NAT64:
        return is_public(str(IPv4Address(ip.packed[12:])))
    return ip in _GLOBAL_UNICAST and ip.is_global and not any(ip in network for network in _NOT_PUBLIC)


def serve(orders: BinaryIO, replies: BinaryIO) -> None:
    """Serve until there are no more orders. If one takes too long, the system ends the process by SIGALRM, which nothing can delay."""
    signal.alarm(KEPT)
    for line in orders:
        order: Order = json.loads(line)
        signal.setitimer(signal.ITIMER_REAL, order["timeout"])
        reply = exchange(order)
        signal.alarm(KEPT)
        replies.write(json.dumps(reply).encode() + b"\n")
        replies.flush()
    signal.alarm(0)


def _resolve(host: str, port: int, *, is_open: bool) -> list[tuple[socket.AddressFamily, str]]:
    """The host's addresses, each once. The owner of a URL doesn't learn which names exist in our network."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        found = []
    addresses: list[tuple[socket.AddressFamily, str]] = list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))
    if not addresses:
        cause = f"{host} has no address"
    elif not is_open and not all(is_public(address) for _, address in addresses):
        cause = f"{host} has an address that isn't public"
    else:
        return addresses
    raise _ProblemError(cause) if is_open else _ProblemError(f"{host} has no address, or one that isn't public", cause)


def _connect(addresses: Sequence[tuple[socket.AddressFamily, str]], port: int) -> socket.socket:
    """Connect to the first address that accepts. Raise OSError."""
    failed: OSError | None = None
    for family, address in addresses:
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.connect((address, port))
        except OSError as error:
            connection.close()
            failed = error
        else:
            return connection
    assert failed is not None
    raise failed


@lru_cache(maxsize=4)
def _tls_context(ca_file: str) -> ssl.SSLContext:
    """Reading the CAs takes milliseconds, so they are read once."""
    return ssl.create_default_context(cafile=ca_file or None)


class _Bounded(io.RawIOBase):
    """Reads from a connection up to a maximum length. Stands in for a socket in http.client, which only asks for its file."""

    def __init__(self, connection: ssl.SSLSocket) -> None:
        self._connection = connection
        self._left = MAX_BYTES + _MAX_OVERHEAD

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        received = self._connection.recv_into(buffer)
        self._left -= received
        if self._left < 0:
            raise _ProblemError(f"the response is longer than {MAX_BYTES // 1024} KiB")
        return received


def _ask(connection: ssl.SSLSocket, host: str, request: bytes) -> Reply:
    connection.sendall(request)
    response = HTTPResponse(_Bounded(connection))  # type: ignore[arg-type]  # all that it asks of a socket is makefile
    response.begin()
    body = response.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise _ProblemError(f"the response from {host} is longer than {MAX_BYTES // 1024} KiB")
    if response.length:
        raise _ProblemError(f"the response from {host} was cut off")
    return {"problem": "", "cause": "", "status": response.status, "body": body.decode("latin-1")}


if __name__ == "__main__":
    # This comes before the process lowers its priority, because its parent has little time.
    _tls_context("")
    with suppress(OSError):
        os.nice(_NICENESS)
    serve(sys.stdin.buffer, sys.stdout.buffer)
