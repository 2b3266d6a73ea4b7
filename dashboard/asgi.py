"""The one ASGI application: settles the connection, then hands protocol paths to oauth/asgi.py and all else to Django.

Django stays synchronous, in persistent threads that keep their database connections. A thread gets a request whose body is complete and gives back
a complete answer, so that no slow peer ever holds one; that is why it isn't a2wsgi that stands between.
"""

import json
import logging
import re
from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module
from math import ceil
from os import SEEK_END
from time import monotonic
from typing import Any, TypeVar

from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.template.loader import render_to_string
from django.utils import timezone

from dashboard.server import set_up  # noqa: F401  # isort: skip  # for the imports below
from dashboard.frame.content_security_policy import POLICY
from dashboard.frame.errors import RETRY_AFTER
from dashboard.models import Membership
from dashboard.people.places import Places
from dashboard.people.quotas import refuse_look_up_unseen
from dashboard.people.refusal import Refusal, too_many
from dashboard.people.refused_unseen import is_known, refuse_sign_in
from dashboard.people.user_sessions import find_account
from dashboard.server.connection import settle
from dashboard.server.cookies import find_cookie
from dashboard.server.known_codecs import forget_others
from dashboard.server.stranger_time import StrangerTime
from dashboard.server.unsent import PART
from dashboard.server.wsgi_call import MOST_IN_MEMORY, Answer, Request, call_django
from oauth import strict_transport
from oauth.asgi import Receive, Scope, Send
from oauth.asgi import application as protocol
from oauth.database import keep_database
from oauth.overdue import overdue_log
from oauth.patience import PAGE_STATEMENT, Patience
from oauth.threads import OverdueError, Threads
from oauth.throttling import widest_network_of
from oauth.urls import is_protocol_path

Asked = TypeVar("Asked")
Found = TypeVar("Found")

logger = logging.getLogger("tokenos.dashboard")

DJANGO_THREADS = 8
PROBES = ("/healthz", "/readyz")

# Octets of a body: of who isn't signed in; of a form without files, which Python takes apart with eighty times its length, and lets no other thread go on
# meanwhile; of any page, and of the one that takes whole log files. Each is in memory until it is answered, so few of the long ones are at once: one of each
# person, and half of them of people of one workspace.
LONGEST_OF_STRANGERS = 65_536
# Four times the longest text that such a form takes, of which each character may be encoded as three.
LONGEST_FORM = 524_288
LONGEST_BODY = 2_621_440
LONGEST_LOG = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
MOST_LONG_BODIES = 4
MOST_LONG_BODIES_OF_WORKSPACE = 2
_TAKES_LOGS = re.compile("/w/([a-z0-9-]+)/leak/")
_long_bodies = Places(MOST_LONG_BODIES, most_of_group=MOST_LONG_BODIES_OF_WORKSPACE)
_LOGS_BUSY = Refusal(503, 5, "Other long files are being read at this moment. Try again in a few seconds, or send a part of yours.")

# Requests of one worker for pages that wait for a thread.
MOST_WAITING = 256
# Seconds for which a statement of an overdue request may be under way: an export goes on for long, from one short statement to the next.
OVERDUE_STATEMENT = 0.75
# Seconds in which the session of a long body's sender is found, or the request is given up.
LONGEST_LOOK = 0.75


def _may_go_on(its: Patience, now: float) -> bool:
    return not its.waits_since or now - its.waits_since < OVERDUE_STATEMENT


_threads: Threads[Any, Any] = Threads(
    DJANGO_THREADS, name="django", begin=lambda: keep_database(PAGE_STATEMENT), most_waiting=MOST_WAITING, may_go_on=_may_go_on
)
# For those who ask whether this worker can do its work, which they have to hear while it can't.
_probes: Threads[Request, Answer] = Threads(2, name="probe", begin=lambda: None, most_waiting=MOST_WAITING)

_stranger_time = StrangerTime()
_NO_PART = "This page can’t be shown inside another site’s page. Open it by itself."

# A mistake in a view fails the start, and the first request costs what the thousandth does.
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
            if body is None:
                return
            if _is_part_of_foreign_page(scope):
                said = {"heading": "Not shown", "text": _NO_PART, "path": scope["path"]}
                await _refuse(scope, send, 403, "refused_unseen.html", said, "access_denied", _NO_PART)
                return
            refusal = refuse_sign_in(scope)
            if refusal is not None:
                await _refuse_unseen(scope, send, refusal, "You are not signed in")
                return
            sender = _sender_of(scope)
            # Browsers that somebody signed in with have time of their own: a flood at the address that they share keeps nobody from signing in.
            strangers = f"{sender} known" if is_known(scope) else sender
            wait = 0.0 if scope["path"] in PROBES else _stranger_time.find_wait(strangers, monotonic())
            if wait and not await _look_for_person(scope):
                await _refuse_unseen(scope, send, too_many(ceil(wait), "Too many pages"), "Too many pages")
                return
            threads = _probes if scope["path"] in PROBES else _threads
            status, headers, content = await threads.run(call_django, (scope, body), sender=sender)
            _stranger_time.add(strangers, scope["state"].pop("stranger_seconds", 0.0), monotonic())
        except _TooLargeError:
            await _refuse_size(scope, send)
            return
        except _LookUpRefusedError as error:
            await _refuse_unseen(scope, send, error.refusal, "Nothing was looked up")
            return
        except (OverdueError, DatabaseError) as error:
            # Django answers by itself when the database fails it: the error comes from looking for the session.
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
        if content.seek(0, SEEK_END) <= MOST_IN_MEMORY:
            scope["state"]["keep"](content.tell())
        content.seek(0)
        while part := content.read(PART):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def _is_part_of_foreign_page(scope: Scope) -> bool:
    """Such as an image, by what each present browser says (Fetch Metadata §2). It would be counted for the reader's address, who knows nothing of it."""
    said = {name: value for name, value in scope["headers"] if name in (b"sec-fetch-site", b"sec-fetch-mode")}
    return said.get(b"sec-fetch-site") in (b"cross-site", b"same-site") and said.get(b"sec-fetch-mode") != b"navigate"


class _TooLargeError(Exception):
    pass


class _LookUpRefusedError(Exception):
    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


async def _read_body(scope: Scope, receive: Receive, held: ExitStack) -> bytes | None:
    """None where the sender has left. held: until the request is answered. Raise _TooLargeError or _LookUpRefusedError, also before anything was read."""
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
    """Raise _TooLargeError where there is none, _LookUpRefusedError where the page would refuse whatever comes, or too much of it comes at once."""
    if longest == LONGEST_OF_STRANGERS and await _look_for_person(scope):
        scope["state"]["belong_to_person"]()
        return LONGEST_BODY if _has_files(scope) else LONGEST_FORM
    takes_logs = _TAKES_LOGS.fullmatch(scope["path"])
    if longest == LONGEST_BODY and takes_logs and (account := await _look(scope, _find_member, (_session_key(scope), takes_logs[1]))):
        if not held.enter_context(_long_bodies.take(account, group=takes_logs[1])):
            raise _LookUpRefusedError(_LOGS_BUSY)
        return LONGEST_LOG
    raise _TooLargeError


def _sender_of(scope: Scope) -> str:
    return widest_network_of(scope["state"]["connection"].remote_address)


def _has_files(scope: Scope) -> bool:
    return any(name == b"content-type" and value.lower().startswith(b"multipart/form-data") for name, value in scope["headers"])


async def _look_for_person(scope: Scope) -> bool:
    """Raise OverdueError as _look, _LookUpRefusedError as _find_next_limit."""
    is_there, refusal = await _look(scope, _find_person, (_session_key(scope), _TAKES_LOGS.fullmatch(scope["path"]) is not None))
    if refusal is not None:
        raise _LookUpRefusedError(refusal)
    return is_there


def _session_key(scope: Scope) -> str:
    return find_cookie(scope["headers"], settings.SESSION_COOKIE_NAME, "[a-z0-9]{32}")


async def _look(scope: Scope, find: Callable[[Asked], Found], asked: Asked) -> Found:
    """Raise OverdueError where that took so long that the request itself would take too long."""
    began = monotonic()
    found: Found = await _threads.run(find, asked, sender=_sender_of(scope))
    if monotonic() - began > LONGEST_LOOK:
        raise OverdueError(has_begun=False)
    return found


def _find_person(asked: tuple[str, bool]) -> tuple[bool, Refusal | None]:
    """Whether somebody is signed in, and why they may not look anything up. asked: the session's key, and whether it is about a look-up.

    By a connection that works: Django itself only looks for one that broke when it begins a request.
    """
    session_key, takes_logs = asked
    close_old_connections()
    account = find_account(session_key)
    return bool(account), refuse_look_up_unseen(account, now=timezone.now()) if account and takes_logs else None


def _find_member(asked: tuple[str, str]) -> str:
    """The account that is signed in, "" where it isn't one of the workspace. asked: the session's key, and the workspace's slug."""
    session_key, slug = asked
    close_old_connections()
    account = find_account(session_key)
    return account if account and Membership.objects.filter(user=int(account), workspace__slug=slug).exists() else ""


async def _refuse_size(scope: Scope, send: Send) -> None:
    await _refuse(scope, send, 413, "413.html", {}, "invalid_request", "The body is too large.")


async def _refuse_unseen(scope: Scope, send: Send, refusal: Refusal, heading: str) -> None:
    """Whatever of it is still to come isn't read."""
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
    await _refuse(scope, send, 503, "503.html", said, "temporarily_unavailable", "It took too long. Repeat the request after the time in Retry-After.", again)


async def _refuse(
    scope: Scope, send: Send, status: int, template: str, said: dict[str, Any], error: str, description: str, more: list[tuple[bytes, bytes]] | None = None
) -> None:
    """A page to a browser, JSON to a program."""
    if any(name == b"accept" and b"text/html" in value for name, value in scope["headers"]):
        kind, content = b"text/html; charset=utf-8", render_to_string(template, said).encode()
    else:
        kind, content = b"application/json", json.dumps({"error": error, "error_description": description}).encode()
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
    """The lifespan protocol; everything starts with the import and ends with the process."""
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
