"""Asking another server for something, without letting it hold us up; and of a URL that somebody else chose, without letting them reach into our network.

HTTPS with a verified certificate; the name is looked up once, every address of it has to be public where somebody else chose it, and the connection goes to the
address that was looked at, so that a name which changes its address in between gains nothing. No redirects, no proxy of the environment, a bounded answer, and
one time limit over all. Left out on purpose: keeping connections alive, for such requests are rare.
"""

import io
import os
import socket
import ssl
from collections.abc import Mapping, Sequence
from functools import lru_cache
from http.client import HTTPException, HTTPResponse
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

MAX_BYTES = 64 * 1024
TIMEOUT = 3.0

# Beside the body: the status line and headers, and what the transfer encoding adds.
_MAX_OVERHEAD = 16 * 1024

_GLOBAL_UNICAST = IPv6Network("2000::/3")
# Global by the looks of it, but another form of an IPv4 address (6to4), or for documentation.
_NOT_PUBLIC = (IPv6Network("2002::/16"), IPv6Network("3fff::/20"))
# Likewise: the relay of 6to4 (RFC 7526), and what a virtual machine at Azure gets its certificates and settings from.
_NOT_PUBLIC_V4 = (IPv4Network("192.88.99.0/24"), IPv4Network("168.63.129.16/32"))
# RFC 6052 §2.1: the last four octets are an IPv4 address, the only way to reach one from a network of IPv6 alone.
_NAT64 = IPv6Network("64:ff9b::/96")


class FetchError(Exception):
    """As text: what went wrong, for the owner of the URL."""


class Answer(NamedTuple):
    status: int
    body: bytes


def fetch(url: str, *, accept: str, allowed_hosts: Sequence[str]) -> bytes:
    """The body of a 200 to a GET. allowed_hosts: names that may have an address that isn't public. Raise FetchError."""
    parts = _split(url)
    host = (parts.hostname or "").lower()
    is_open = host in (allowed.lower() for allowed in allowed_hosts)
    answer = _exchange(parts, _write("GET", parts, {"Accept": accept}, b""), is_open=is_open, ca_file="", timeout=TIMEOUT)
    if answer.status != 200:
        raise FetchError(f"{host} answered with status {answer.status}, and not 200")
    return answer.body


def send(method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"", ca_file: str = "", timeout: float) -> Answer:
    """Ask a server that the operator named, whatever its address is. ca_file: the only authorities to trust, in PEM; "" for the usual. timeout: in seconds,
    over all. Raise FetchError.
    """
    parts = _split(url)
    return _exchange(parts, _write(method, parts, headers, body), is_open=True, ca_file=ca_file, timeout=timeout)


def _exchange(parts: SplitResult, request: bytes, *, is_open: bool, ca_file: str, timeout: float) -> Answer:
    """is_open: whether the host may have an address that isn't public."""
    deadline = monotonic() + timeout
    host, port = (parts.hostname or "").lower(), parts.port or 443
    try:
        addresses = _resolve(host, port, deadline)
        if not is_open and not all(is_public(address) for _, address in addresses):
            raise FetchError(f"{host} has an address that isn't public")
        with _connect(addresses, port, deadline) as plain:
            plain.settimeout(_left(deadline))
            with _tls_context(ca_file, os.environ.get("SSL_CERT_FILE")).wrap_socket(plain, server_hostname=host) as connection:
                return _ask(connection, host, request, deadline)
    except ssl.SSLCertVerificationError as error:
        raise FetchError(f"the certificate of {host} isn't good: {error.verify_message}") from None
    except TimeoutError:
        raise FetchError(f"{host} took longer than {timeout:.0f} s") from None
    except HTTPException:
        raise FetchError(f"{host} didn't answer in well-formed HTTP") from None
    except OSError as error:
        raise FetchError(f"the connection to {host} failed ({error.strerror or type(error).__name__})") from None


def is_public(address: str) -> bool:
    """Whether an address is one of the open Internet, in whatever form it is written."""
    ip = ip_address(address)
    if isinstance(ip, IPv4Address):
        return ip.is_global and not ip.is_multicast and not ip.is_reserved and not any(ip in network for network in _NOT_PUBLIC_V4)
    if ip in _NAT64:
        return is_public(str(IPv4Address(ip.packed[12:])))
    return ip in _GLOBAL_UNICAST and ip.is_global and not any(ip in network for network in _NOT_PUBLIC)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        valid = parts.scheme == "https" and bool(parts.hostname) and parts.username is None and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid or not url.isascii() or not url.isprintable() or " " in url or "#" in url:
        raise FetchError("the URL isn't an https URL")
    return parts


def _left(deadline: float) -> float:
    left = deadline - monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _resolve(host: str, port: int, deadline: float) -> list[tuple[socket.AddressFamily, str]]:
    """Each address once. In a thread of its own, for the resolver knows no time limit of ours."""
    answers: SimpleQueue[list[Any] | OSError | UnicodeError] = SimpleQueue()

    def look_up() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    Thread(target=look_up, name="resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=_left(deadline))
    except Empty:
        raise FetchError(f"the look-up of {host} took too long") from None
    if not isinstance(answer, list):
        raise FetchError(f"{host} has no address")
    return list(dict.fromkeys((family, address[0]) for family, _, _, _, address in answer))


def _connect(addresses: Sequence[tuple[socket.AddressFamily, str]], port: int, deadline: float) -> socket.socket:
    """To the first address that takes the connection. Raise OSError."""
    failed: OSError | None = None
    for family, address in addresses:
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.settimeout(_left(deadline))
            connection.connect((address, port))
        except OSError as error:
            connection.close()
            failed = error
        else:
            return connection
    assert failed is not None
    raise failed


@lru_cache(maxsize=4)
def _tls_context(ca_file: str, _certificate_file: str | None) -> ssl.SSLContext:
    """The authorities of ca_file, else of the system or of SSL_CERT_FILE. Reading them takes milliseconds, so they are read once."""
    return ssl.create_default_context(cafile=ca_file or None)


class _Bounded(io.RawIOBase):
    """What a connection sends, within the time and the length that are left. In place of a socket for http.client, which asks for its file only."""

    def __init__(self, connection: ssl.SSLSocket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline
        self._left = MAX_BYTES + _MAX_OVERHEAD

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(_left(self._deadline))
        received = self._connection.recv_into(buffer)
        self._left -= received
        if self._left < 0:
            raise FetchError(f"the answer is longer than {MAX_BYTES // 1024} KiB")
        return received


def _write(method: str, parts: SplitResult, headers: Mapping[str, str], body: bytes) -> bytes:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    fields = {"Host": parts.netloc, **headers, "Accept-Encoding": "identity", "User-Agent": "TokenOS", "Connection": "close"}
    if method != "GET":
        fields["Content-Length"] = str(len(body))
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode("ascii") + body


def _ask(connection: ssl.SSLSocket, host: str, request: bytes, deadline: float) -> Answer:
    connection.settimeout(_left(deadline))
    connection.sendall(request)
    response = HTTPResponse(_Bounded(connection, deadline))  # type: ignore[arg-type]  # all that it asks of a socket is makefile
    response.begin()
    body = response.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise FetchError(f"the answer of {host} is longer than {MAX_BYTES // 1024} KiB")
    if response.length:
        raise FetchError(f"the answer of {host} was cut off")
    return Answer(response.status, body)
