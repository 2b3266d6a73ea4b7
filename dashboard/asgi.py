"""The one ASGI application: settles the connection, then hands protocol paths to oauth/asgi.py and all else to Django.

Django stays synchronous, in persistent threads that keep their database connections. A thread gets a request whose body is complete and gives back
a complete answer, so that no slow peer ever holds one; that is why it isn't a2wsgi that stands between.
"""

import asyncio
import io
import json
import re
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib import import_module
from tempfile import SpooledTemporaryFile
from threading import BoundedSemaphore
from typing import IO, Any

from django.conf import settings
from django.db import DatabaseError
from django.http.cookie import parse_cookie
from django.template.loader import render_to_string

from dashboard.wsgi import application as wsgi_application  # isort: skip  # sets Django up for the imports below
from dashboard.content_security_policy import POLICY
from dashboard.middleware import SessionKeyMiddleware
from dashboard.people.user_sessions import is_signed_in
from dashboard.server.connection import settle
from oauth.asgi import Receive, Scope, Send
from oauth.asgi import application as protocol
from oauth.urls import is_protocol_path

Content = bytes | IO[bytes]
Answer = tuple[int, list[tuple[bytes, bytes]], Content]

DJANGO_THREADS = 8

# Octets of a body: of who isn't signed in, of any page, and of the one that takes whole log files. Each is in memory until it is answered, so few of the long
# ones are at once.
LONGEST_OF_STRANGERS = 65_536
LONGEST_BODY = 2_621_440
LONGEST_LOG = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
MOST_LONG_BODIES = 4
_TAKES_LOGS = re.compile("/w/[a-z0-9-]+/leak/")
_long_bodies = BoundedSemaphore(MOST_LONG_BODIES)
# A longer answer waits in a file for its peer.
MOST_IN_MEMORY = 1024 * 1024
_PART = 256 * 1024

_threads = ThreadPoolExecutor(DJANGO_THREADS, thread_name_prefix="django")

# A mistake in a view fails the start, and the first request costs what the thousandth does.
import_module(settings.ROOT_URLCONF)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await _live(receive, send)
        return
    extensions = scope.get("extensions")
    certificate = extensions.get("tls", {}).get("client_cert") if extensions else None
    peer = scope["client"]
    connection, scope["headers"] = settle(peer[0] if peer else "", scope["scheme"], scope["headers"], certificate)
    scope["state"]["connection"] = connection
    path = scope["path"]
    if is_protocol_path(path):
        await protocol(scope, receive, send)
        return
    if not peer or peer[0] != connection.remote_address:
        scope["client"] = (connection.remote_address, 0)
    scope["scheme"] = "https" if connection.is_secure else "http"
    await _serve_django(scope, receive, send)


async def _serve_django(scope: Scope, receive: Receive, send: Send) -> None:
    with ExitStack() as held:
        try:
            body = await _read_body(scope, receive, held)
        except _TooLargeError:
            await _refuse_size(scope, send)
            return
        except DatabaseError:
            body = b""  # Django says so, whatever the body
        if body is None:
            return
        status, headers, content = await asyncio.get_running_loop().run_in_executor(_threads, _call_django, scope, body)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if isinstance(content, bytes):
        await send({"type": "http.response.body", "body": content})
        return
    with content:
        while part := content.read(_PART):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


class _TooLargeError(Exception):
    pass


async def _read_body(scope: Scope, receive: Receive, held: ExitStack) -> bytes | None:
    """None where the sender has left. held: until the request is answered. Raise _TooLargeError, if need be before anything was read."""
    parts: list[bytes] = []
    length = 0
    longest = LONGEST_OF_STRANGERS
    announced = _find_announced_length(scope)
    more = True
    while more:
        while max(length, announced) > longest:
            longest = await _find_next_limit(scope, longest, held)
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message["body"])
        length += len(parts[-1])
        more = message["more_body"]
    if length > longest:
        raise _TooLargeError
    return b"".join(parts)


def _find_announced_length(scope: Scope) -> int:
    return next((int(value) for name, value in scope["headers"] if name == b"content-length"), 0)


async def _find_next_limit(scope: Scope, longest: int, held: ExitStack) -> int:
    """Raise _TooLargeError where there is none."""
    if longest == LONGEST_OF_STRANGERS and await asyncio.get_running_loop().run_in_executor(_threads, is_signed_in, _find_session_key(scope)):
        scope["state"]["belong_to_person"]()
        return LONGEST_BODY
    if longest == LONGEST_BODY and _TAKES_LOGS.fullmatch(scope["path"]) and _long_bodies.acquire(blocking=False):
        held.callback(_long_bodies.release)
        return LONGEST_LOG
    raise _TooLargeError


def _find_session_key(scope: Scope) -> str:
    cookies = b";".join(value for name, value in scope["headers"] if name == b"cookie")
    key = parse_cookie(cookies.decode("latin-1")).get(settings.SESSION_COOKIE_NAME, "")
    return key if SessionKeyMiddleware.KEY.fullmatch(key) else ""


def _call_django(scope: Scope, body: bytes) -> Answer:
    status = 500
    headers: list[tuple[bytes, bytes]] = []

    def start_response(line: str, fields: list[tuple[str, str]], _exc_info: Any = None) -> Callable[[bytes], object]:
        nonlocal status, headers
        status = int(line[:3])
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in fields]
        return lambda _: None

    response = wsgi_application(_build_environ(scope, body), start_response)
    try:
        content, length = _gather(response)
    finally:
        response.close()  # sends request_finished, which returns broken database connections
    if scope["method"] != "HEAD" and not any(name == b"content-length" for name, _ in headers):
        headers.append((b"content-length", str(length).encode()))
    return status, headers, content


def _gather(response: Iterable[bytes]) -> tuple[Content, int]:
    """All of it, and its length: no peer that reads slowly holds the thread, or a query that is still being read."""
    if not getattr(response, "streaming", False):
        content = b"".join(response)
        return content, len(content)
    spool: IO[bytes] = SpooledTemporaryFile(MOST_IN_MEMORY)  # noqa: SIM115  # closed once it is sent
    for part in response:
        spool.write(part)
    length = spool.tell()
    spool.seek(0)
    return spool, length


def _build_environ(scope: Scope, body: bytes) -> dict[str, Any]:
    """PEP 3333. A body has a length here even if it came in chunks, and repeated header fields are one value (RFC 9110 §5.3)."""
    server = scope["server"] or ("localhost", 0)
    environ: dict[str, Any] = {
        "asgi.scope": scope,
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": str(server[0]),
        "SERVER_PORT": str(server[1]),
        "REMOTE_ADDR": scope["client"][0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        key = "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
        text = value.decode("latin-1")
        if key in environ:
            text = environ[key] + (";" if name == b"cookie" else ",") + text
        environ[key] = text
    environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE", "")
    environ.pop("HTTP_CONTENT_LENGTH", None)
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    environ["CONTENT_LENGTH"] = str(len(body))
    return environ


async def _refuse_size(scope: Scope, send: Send) -> None:
    """A page to a browser, JSON to a program."""
    if any(name == b"accept" and b"text/html" in value for name, value in scope["headers"]):
        kind, content = b"text/html; charset=utf-8", render_to_string("413.html").encode()
    else:
        kind, content = b"application/json", json.dumps({"error": "invalid_request", "error_description": "The body is too large."}).encode()
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(content)).encode()),
        (b"cache-control", b"no-store"),
        (b"content-security-policy", POLICY.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"x-request-id", scope["state"]["connection"].request_id.encode()),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": content})


async def _live(receive: Receive, send: Send) -> None:
    """The lifespan protocol; everything starts with the import and ends with the process."""
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
