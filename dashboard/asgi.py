"""The ASGI application: determines the connection, then passes protocol paths to oauth/asgi.py and everything else to Django.

Django stays synchronous, in persistent threads that keep their database connections. A thread gets a request with a complete body and returns a complete
response, so that a slow peer never blocks a thread; a2wsgi can't do that.
"""

import json
from contextlib import ExitStack
from importlib import import_module
from math import ceil
from os import SEEK_END
from time import monotonic
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.template.loader import render_to_string

from dashboard.server import set_up  # noqa: F401  # isort: skip  # for the imports below
from dashboard.frame.content_security_policy import POLICY
from dashboard.frame.errors import RETRY_AFTER
from dashboard.frame.request_body import LookUpRefusedError, TooLargeError, find_sessions, look_for_person, read_body
from dashboard.frame.threads import django_threads, probe_threads, sender_of
from dashboard.health.probes import RETRY_AFTER as PROBE_AGAIN
from dashboard.health.probes import find_at_once
from dashboard.people.refusal import Refusal, too_many
from dashboard.people.refused_unseen import is_known, refuse_sign_in
from dashboard.server.connection import settle
from dashboard.server.known_codecs import forget_others
from dashboard.server.page_time import SessionsTime, StrangersTime
from dashboard.server.unsent import PART
from dashboard.server.wsgi_call import MAX_IN_MEMORY, call_django
from oauth import strict_transport
from oauth.asgi import Receive, Scope, Send
from oauth.asgi import application as protocol
from oauth.overdue import overdue_log
from oauth.threads import OverdueError
from oauth.urls import cut_issuer_path, is_protocol_path

PROBES = ("/healthz", "/readyz")

_time_of_strangers, _time_of_sessions = StrangersTime(), SessionsTime()
_NO_PART = "This page can’t be shown inside another site’s page. Open it by itself."

# Load all views now, so that a mistake in one fails the start, and the first request is as quick as the thousandth.
import_module(settings.ROOT_URLCONF)
forget_others()


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
    if path != "/oauth2/token" and _is_led_astray(scope):
        said = {"error": "access_denied", "error_description": "A request with X-TokenOS-Require-… must be for /gateway/<workspace>/verify."}
        await _answer(scope, send, 403, b"application/json", json.dumps(said).encode())
        return
    if is_protocol_path(path):
        await protocol(scope, receive, send)
        return
    if not peer or peer[0] != connection.remote_address:
        scope["client"] = (connection.remote_address, 0)
    scope["scheme"] = "https" if connection.is_secure else "http"
    await _serve_django(scope, receive, send)


def _is_led_astray(scope: Scope) -> bool:
    """Whether a gateway asks whether it may let a caller in, but the request's path leads elsewhere, because a proxy between the two has resolved its dots.

    Gateways let a caller in for any 200, such as that of /healthz.
    """
    return any(name.startswith(b"x-tokenos-require") for name, _ in scope["headers"]) and not cut_issuer_path(scope["path"]).startswith("/gateway/")


async def _serve_django(scope: Scope, receive: Receive, send: Send) -> None:
    with ExitStack() as held:
        try:
            body = await read_body(scope, receive, held)
            if body is None:
                return
            if scope["path"] in PROBES and scope["method"] in ("GET", "HEAD") and (known := find_at_once(scope["path"])) is not None:
                again = [] if known[0] == 200 else [(b"retry-after", PROBE_AGAIN.encode())]
                await _answer(scope, send, known[0], b"application/json", json.dumps(known[1]).encode(), again)
                return
            if _is_part_of_foreign_page(scope):
                said = {"heading": "Not shown", "text": _NO_PART, "path": scope["path"]}
                await _refuse(scope, send, 403, "refused_unseen.html", said, "access_denied", _NO_PART)
                return
            refusal = refuse_sign_in(scope)
            if refusal is not None:
                await _refuse_unseen(scope, send, refusal, "You are not signed in")
                return
            sender = sender_of(scope)
            # Browsers that were signed in before have a separate share, so a flood from their address can't keep people from signing in.
            strangers = f"{sender} known" if is_known(scope) else sender
            wait = 0.0 if scope["path"] in PROBES else await _find_wait(scope, strangers)
            if wait:
                await _refuse_unseen(scope, send, too_many(ceil(wait), "Too many requests"), "Too many requests")
                return
            threads = probe_threads if scope["path"] in PROBES else django_threads
            status, headers, content = await threads.run(call_django, (scope, body), sender=sender)
            if session := scope["state"].pop("session"):
                _time_of_sessions.add(session, scope["state"].pop("seconds"), monotonic())
            else:
                _time_of_strangers.add(strangers, scope["state"].pop("seconds"), monotonic())
        except TooLargeError:
            await _refuse_size(scope, send)
            return
        except LookUpRefusedError as error:
            await _refuse_unseen(scope, send, error.refusal, "Nothing was looked up")
            return
        except (OverdueError, DatabaseError) as error:
            # Django itself handles database failures, so this error comes from the look-up of the session.
            overdue = error if isinstance(error, OverdueError) else OverdueError(has_begun=False)
            await _give_up(scope, send, overdue)
            return
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if isinstance(content, bytes | memoryview):
        if isinstance(content, bytes) and len(content) > PART:
            scope["state"]["keep"](len(content))
        octets = memoryview(content)
        for place in range(0, max(len(octets), 1), PART):
            await send({"type": "http.response.body", "body": bytes(octets[place : place + PART]), "more_body": place + PART < len(octets)})
        return
    with content:
        if content.seek(0, SEEK_END) <= MAX_IN_MEMORY:
            scope["state"]["keep"](content.tell())
        content.seek(0)
        while part := content.read(PART):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _find_wait(scope: Scope, strangers: str) -> float:
    """Seconds until this sender may open another page. Only sessions of signed-in people have spent any time."""
    now = monotonic()
    wait = max((_time_of_sessions.find_wait(session, now) for session in find_sessions(scope)), default=0.0)
    if wait:
        return wait
    wait = _time_of_strangers.find_wait(strangers, now)
    return wait if wait and not await look_for_person(scope) else 0.0


def _is_part_of_foreign_page(scope: Scope) -> bool:
    """Whether the request is for a part of another site's page, such as an image, as current browsers report it (Fetch Metadata §2). It would count against the
    address of its reader, who doesn't know of it.
    """
    said = {name: value for name, value in scope["headers"] if name in (b"sec-fetch-site", b"sec-fetch-mode")}
    return said.get(b"sec-fetch-site") in (b"cross-site", b"same-site") and said.get(b"sec-fetch-mode") != b"navigate"


async def _refuse_size(scope: Scope, send: Send) -> None:
    await _refuse(scope, send, 413, "413.html", {}, "invalid_request", "The body is too large.")


async def _refuse_unseen(scope: Scope, send: Send, refusal: Refusal, heading: str) -> None:
    """Refuse without reading the rest of the request."""
    again = [(b"retry-after", b"%d" % refusal.seconds)]
    said = {"heading": heading, "text": refusal.text, "path": scope["path"]}
    await _refuse(scope, send, refusal.status, "refused_unseen.html", said, "temporarily_unavailable", refusal.text, again)


async def _give_up(scope: Scope, send: Send, overdue: OverdueError) -> None:
    request_id = scope["state"]["connection"].request_id
    overdue_log.write("a page", overdue.reason, request_id=request_id, now=monotonic())
    said = {"fault": "overdue", "method": scope["method"], "seconds": RETRY_AFTER, "is_open": overdue.has_begun, "request_id": request_id}
    again = [(b"retry-after", b"%d" % RETRY_AFTER)]
    if scope["method"] == "GET":
        again.append((b"refresh", b"%d" % RETRY_AFTER))
    await _refuse(scope, send, 503, "503.html", said, "temporarily_unavailable", "The request took too long. Repeat it after the time in Retry-After.", again)


async def _refuse(
    scope: Scope, send: Send, status: int, template: str, said: dict[str, Any], error: str, description: str, more: list[tuple[bytes, bytes]] | None = None
) -> None:
    """The refusal is a page for a browser and JSON for a program."""
    if any(name == b"accept" and b"text/html" in value for name, value in scope["headers"]):
        kind, content = b"text/html; charset=utf-8", render_to_string(template, said).encode()
    else:
        kind, content = b"application/json", json.dumps({"error": error, "error_description": description}).encode()
    await _answer(scope, send, status, kind, content, more)


async def _answer(scope: Scope, send: Send, status: int, kind: bytes, content: bytes, more: list[tuple[bytes, bytes]] | None = None) -> None:
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(content)).encode()),
        (b"cache-control", b"no-store"),
        (b"content-security-policy", POLICY.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"x-request-id", scope["state"]["connection"].request_id.encode()),
        *(more or ()),
    ]
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
    if strict_transport.is_strict(host, is_secure=scope["state"]["connection"].is_secure):
        headers.append(strict_transport.FIELD)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else content})


async def _live(receive: Receive, send: Send) -> None:
    """The lifespan protocol. It needs no work: everything starts with the import and ends with the process."""
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
