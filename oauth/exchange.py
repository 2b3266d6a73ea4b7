"""One exchange of HTTPS with a server that may be hostile, in a process of its own: oauth.fetch starts it, gives it one order after another, and kills it when
the time is over. Nothing less ends OpenSSL while it computes with the numbers in a server's certificate, nor the system's resolver.

Run as a file, with nothing but the standard library. A line of JSON comes in, a line of JSON goes out.
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
# Seconds that a process without an order stays.
KEPT = 600

# Beside the body: the status line and headers, and what the transfer encoding adds.
_MAX_OVERHEAD = 16 * 1024
# Of nice: requests that don't ask a stranger's server come first.
_NICENESS = 5

_GLOBAL_UNICAST = IPv6Network("2000::/3")
# Global by the looks of it, but another form of an IPv4 address (6to4), or for documentation.
_NOT_PUBLIC = (IPv6Network("2002::/16"), IPv6Network("3fff::/20"))
# Likewise: the relay of 6to4 (RFC 7526), what a virtual machine at Azure gets its certificates and settings from, and what is for protocols alone (RFC 6890),
# where some clouds have the like, and of which older versions of Python know a part.
_NOT_PUBLIC_V4 = (IPv4Network("192.88.99.0/24"), IPv4Network("168.63.129.16/32"), IPv4Network("192.0.0.0/24"))
# RFC 6052 §2.1: the last four octets are an IPv4 address, the only way to reach one from a network of IPv6 alone.
_NAT64 = IPv6Network("64:ff9b::/96")


class Order(TypedDict):
    """request: as it goes over the wire, in Latin-1. is_open: whether the host may have an address that isn't public. ca_file: the only authorities to trust,
    in PEM; "" for those of the system or of SSL_CERT_FILE. timeout: in seconds; the process ends after it, also when nobody is there any more to kill it.
    """

    host: str
    port: int
    request: str
    is_open: bool
    ca_file: str
    timeout: float


class Reply(TypedDict):
    """problem: what went wrong, "" if there is an answer. body: in Latin-1."""

    problem: str
    status: int
    body: str


class _ProblemError(Exception):
    """As text: what went wrong, for the owner of the URL."""


def exchange(order: Order) -> Reply:
    """Takes as long as the host likes."""
    host = order["host"]
    try:
        addresses = _resolve(host, order["port"])
        if not order["is_open"] and not all(is_public(address) for _, address in addresses):
            raise _ProblemError(f"{host} has an address that isn't public")
        with _connect(addresses, order["port"]) as plain, _tls_context(order["ca_file"]).wrap_socket(plain, server_hostname=host) as connection:
            return _ask(connection, host, order["request"].encode("latin-1"))
    except _ProblemError as error:
        problem = str(error)
    except ssl.SSLCertVerificationError as error:
        problem = f"the certificate of {host} isn't good: {error.verify_message}"
    except HTTPException:
        problem = f"{host} didn't answer in well-formed HTTP"
    except OSError as error:
        problem = f"the connection to {host} failed ({error.strerror or type(error).__name__})"
    return {"problem": problem, "status": 0, "body": ""}


def is_public(address: str) -> bool:
    """Whether an address is one of the open Internet, in whatever form it is written."""
    ip = ip_address(address)
    if isinstance(ip, IPv4Address):
        return ip.is_global and not ip.is_multicast and not ip.is_reserved and not any(ip in network for network in _NOT_PUBLIC_V4)
    if ip in _NAT64:
        return is_public(str(IPv4Address(ip.packed[12:])))
    return ip in _GLOBAL_UNICAST and ip.is_global and not any(ip in network for network in _NOT_PUBLIC)


def serve(orders: BinaryIO, replies: BinaryIO) -> None:
    """Until there are no orders any more. The system ends the process if one takes too long: SIGALRM is never waited for."""
    signal.alarm(KEPT)
    for line in orders:
        order: Order = json.loads(line)
        signal.setitimer(signal.ITIMER_REAL, order["timeout"])
        reply = exchange(order)
        signal.alarm(KEPT)
        replies.write(json.dumps(reply).encode() + b"\n")
        replies.flush()
    signal.alarm(0)


def _resolve(host: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
    """Each address once."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise _ProblemError(f"{host} has no address") from None
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


def _connect(addresses: Sequence[tuple[socket.AddressFamily, str]], port: int) -> socket.socket:
    """To the first address that takes the connection. Raise OSError."""
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
    """Reading the authorities takes milliseconds, so they are read once."""
    return ssl.create_default_context(cafile=ca_file or None)


class _Bounded(io.RawIOBase):
    """What a connection sends, within the length that is left. In place of a socket for http.client, which asks for its file only."""

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
            raise _ProblemError(f"the answer is longer than {MAX_BYTES // 1024} KiB")
        return received


def _ask(connection: ssl.SSLSocket, host: str, request: bytes) -> Reply:
    connection.sendall(request)
    response = HTTPResponse(_Bounded(connection))  # type: ignore[arg-type]  # all that it asks of a socket is makefile
    response.begin()
    body = response.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise _ProblemError(f"the answer of {host} is longer than {MAX_BYTES // 1024} KiB")
    if response.length:
        raise _ProblemError(f"the answer of {host} was cut off")
    return {"problem": "", "status": response.status, "body": body.decode("latin-1")}


if __name__ == "__main__":
    # Before the process steps back, for who waits for it has little time.
    _tls_context("")
    with suppress(OSError):
        os.nice(_NICENESS)
    serve(sys.stdin.buffer, sys.stdout.buffer)
