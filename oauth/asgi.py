"""Connects the server to the endpoints: ASGI events in and out, without Django's request cycle.

The endpoints are synchronous and run in a small pool of threads, each with its own database connection. With SQLite, whose readers hardly ever wait, the event
loop first tries requests that usually need only one read and at most the mark of a used JWT. That saves two thread switches.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any

from oauth import gateway, strict_transport
from oauth.database import keep_database, keep_event_loop_database
from oauth.messages import MAX_BODY_BYTES, Request, Response
from oauth.patience import PROTOCOL_STATEMENT, serve
from oauth.sender_network import widest_network_of
from oauth.threads import OverdueError, Threads
from oauth.urls import cut_issuer_path, find_endpoint

# An endpoint computes and reads one row, so more than one thread only helps while one waits for a commit, PostgreSQL or argon2id.
THREADS = 4

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# A worker's maximum of unanswered requests: about as many as its threads answer in a second.
MAX_WAITING = 1000


threads: Threads[Any, Any] = Threads(THREADS, name="oauth", begin=lambda: keep_database(PROTOCOL_STATEMENT), most_waiting=MAX_WAITING)

# In bytes. A form with an assertion and a proof is shorter.
MAX_ATTEMPTED = 16 * 1024

_attempts = _serves = False


def start() -> None:
    """Call it in the event loop's thread before the loop runs."""
    global _attempts, _serves
    serve()
    _attempts = keep_event_loop_database()
    _serves = True


def find_threads() -> Threads[Any, Any] | None:
    """The threads that answer; None in a process that doesn't answer requests."""
    return threads if _serves else None


class ClientDisconnectedError(Exception):
    """The client disconnected before its request was complete."""


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """scope["state"]["connection"]: the oauth.messages.Connection that the server made. If the client disconnects halfway, its request is ignored."""
    path = cut_issuer_path(scope["path"])
    endpoint = find_endpoint(path)
    method: str = scope["method"]
    try:
        body = await _read_body(receive) if method == "POST" and endpoint is not gateway.verify else b""
    except ClientDisconnectedError:
        return
    request = Request(
        method=method,
        path=path,
        query=scope["query_string"].decode("latin-1"),
        headers=_read_headers(scope["headers"]),
        body=body,
        connection=scope["state"]["connection"],
        now=datetime.now(UTC),
        used_jwts=set(),
        raw_path=_cut(scope.get("raw_path", b"").decode("latin-1"), scope["path"].removesuffix(path)),
    )
    # A request that came together with the peer's next one is left to a thread: otherwise the loop would serve all of them in one turn, before other peers'
    # requests. A body that takes milliseconds to parse is also left to a thread.
    attempts = _attempts and not scope["state"].get("is_followed") and len(body or b"") <= MAX_ATTEMPTED
    try:
        response = (endpoint.attempt(request) if attempts else None) or await threads.run(
            endpoint, request, sender=widest_network_of(request.connection.remote_address)
        )
    except OverdueError as error:
        response = endpoint.give_up(request, error.reason)
    await _send(response, request, send)


def _cut(raw_path: str, issuer_path: str) -> str:
    """The path without the issuer's; "" if it isn't spelled like that."""
    return raw_path.removeprefix(issuer_path) if raw_path.startswith(issuer_path) else ""


def _read_headers(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


async def _read_body(receive: Receive) -> bytes | None:
    """The body; None if it is longer than MAX_BODY_BYTES, and then the rest isn't read. Raise ClientDisconnectedError."""
    parts: list[bytes] = []
    length = 0
    more = True
    while more and length <= MAX_BODY_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnectedError
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        more = message.get("more_body", False)
    return b"".join(parts) if length <= MAX_BODY_BYTES else None


async def _send(response: Response, request: Request, send: Send) -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    headers.append((b"content-length", b"%d" % len(response.body)))
    headers.append((b"x-content-type-options", b"nosniff"))
    if strict_transport.is_strict(request.headers.get("host", ""), is_secure=request.connection.is_secure):
        headers.append(strict_transport.FIELD)
    headers.append((b"x-request-id", request.connection.request_id.encode("latin-1")))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else response.body})
