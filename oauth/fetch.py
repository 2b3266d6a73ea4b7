"""Requests to other servers. They can't hold us up and, if somebody else chose the URL, can't reach into our network.

HTTPS with a verified certificate. The name is looked up once; if somebody else chose it, all of its addresses must be public. The connection goes to the
address that was checked, so changing the name's address in between doesn't help. No redirects, no proxy from the environment, a bounded response, and one time
limit for everything: another process (oauth/exchange.py) talks to the server and is killed at the limit. Connections are deliberately not kept alive, because
such requests are rare.
"""

import atexit
import json
import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from subprocess import Popen
from time import monotonic
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from oauth import exchange

TIMEOUT = 3.0
# Starting a process takes a tenth of a second of processor time, so this many stay for the next requests.
MAX_KEPT = 2

# The dynamic linker, OpenSSL and the system's resolver read these. A process that talks to strangers gets nothing else of our environment.
_ENVIRONMENT = (
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "OPENSSL_CONF",
    "OPENSSL_MODULES",
    "RES_OPTIONS",
    "LOCALDOMAIN",
    "HOSTALIASES",
)
# JSON writes a byte as at most six characters.
_MAX_REPLY = 6 * exchange.MAX_BYTES + 4096


class FetchError(Exception):
    """Its text says what went wrong, for the owner of the URL. cause: why, if only the operator may know it, "" otherwise."""

    def __init__(self, text: str, cause: str = "") -> None:
        super().__init__(text)
        self.cause = cause


class OverdueError(FetchError):
    """The time limit was reached."""


class Answer(NamedTuple):
    status: int
    body: bytes


def fetch(url: str, *, accept: str, allowed_hosts: Sequence[str]) -> bytes:
    """The body of the response to a GET, which must be a 200. allowed_hosts: names that may have a private address. Raise FetchError."""
    parts = _split(url)
    host = (parts.hostname or "").lower()
    is_open = host in (allowed.lower() for allowed in allowed_hosts)
    answer = _exchange(parts, _write("GET", parts, {"Accept": accept}, b""), is_open=is_open, ca_file="", timeout=TIMEOUT)
    if answer.status != 200:
        raise FetchError(f"{host} answered with status {answer.status} instead of 200")
    return answer.body


def send(method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"", ca_file: str = "", timeout: float) -> Answer:
    """Send a request to a server that the operator named, which may have any address. ca_file: the only CAs to trust, in PEM; "" for the usual ones. timeout:
    in seconds, for everything. Raise FetchError.
    """
    parts = _split(url)
    return _exchange(parts, _write(method, parts, headers, body), is_open=True, ca_file=ca_file, timeout=timeout)


def _exchange(parts: SplitResult, request: bytes, *, is_open: bool, ca_file: str, timeout: float) -> Answer:
    deadline = monotonic() + timeout
    host = (parts.hostname or "").lower()
    order: exchange.Order = {
        "host": host,
        "port": parts.port or 443,
        "request": request.decode("latin-1"),
        "is_open": is_open,
        "ca_file": ca_file,
        # We kill the process before it would end by itself.
        "timeout": timeout + 1,
    }
    try:
        with _take_helper() as helper:
            reply = helper.ask(order, deadline)
    except TimeoutError:
        raise OverdueError(f"{host} took longer than {timeout:.0f} s") from None
    except (OSError, ValueError):
        raise FetchError(f"the process that connects to {host} couldn't be started, or it ended") from None
    if reply["problem"]:
        raise FetchError(reply["problem"], reply["cause"])
    return Answer(reply["status"], reply["body"].encode("latin-1"))


class _Helper:
    """The other process, and the socket to it. idle_since: by a monotonic clock."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.idle_since = monotonic()
        ours, theirs = socket.socketpair()
        with ExitStack() as undone, theirs:
            undone.enter_context(ours)
            # It gets its own process group, because Ctrl+C in a terminal is meant for us. When we end, its input ends.
            self._process = Popen(  # noqa: S603  # nothing in it comes from outside
                [sys.executable, "-I", "-S", exchange.__file__], stdin=theirs.fileno(), stdout=theirs.fileno(), env=environment, process_group=0
            )
            undone.pop_all()
        self._socket = ours

    def ask(self, order: exchange.Order, deadline: float) -> exchange.Reply:
        """Raise TimeoutError at the deadline, OSError or ValueError if the process ends."""
        self._socket.settimeout(_left(deadline))
        self._socket.sendall(json.dumps(order).encode() + b"\n")
        received = bytearray()
        while not received.endswith(b"\n") and len(received) < _MAX_REPLY:
            self._socket.settimeout(_left(deadline))
            part = self._socket.recv(65_536)
            if not part:
                raise ConnectionResetError
            received += part
        reply: exchange.Reply = json.loads(received)
        self.idle_since = monotonic()
        return reply

    def is_good(self) -> bool:
        """Whether the process can take one more order. It ends by itself after a long time without an order, so shortly before that it gets none."""
        return self._process.poll() is None and monotonic() < self.idle_since + exchange.KEPT / 2 and self.environment == _environment()

    def end(self) -> None:
        self._socket.close()
        self._process.kill()
        self._process.wait()


_kept: list[_Helper] = []


@contextmanager
def _take_helper() -> Iterator[_Helper]:
    """A process that isn't in use. Any exception raised while it is in use ends it."""
    helper = _find_kept() or _Helper(_environment())
    try:
        yield helper
    except BaseException:
        helper.end()
        raise
    if len(_kept) < MAX_KEPT:
        _kept.append(helper)
    else:
        helper.end()


def _find_kept() -> _Helper | None:
    # Other threads take from the same list, but each item can be popped only once.
    with suppress(IndexError):
        while not (helper := _kept.pop()).is_good():
            helper.end()
        return helper
    return None


@atexit.register
def end_kept() -> None:
    while _kept:
        _kept.pop().end()


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}


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


def _write(method: str, parts: SplitResult, headers: Mapping[str, str], body: bytes) -> bytes:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    fields = {"Host": parts.netloc, **headers, "Accept-Encoding": "identity", "User-Agent": "TokenOS", "Connection": "close"}
    if method != "GET":
        fields["Content-Length"] = str(len(body))
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode("ascii") + body
