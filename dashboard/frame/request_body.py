"""Reads the body of a request for a page. How much of it is read depends on the sender, and on the number of long bodies that are being read."""

import re
from contextlib import ExitStack

from django.conf import settings
from django.db import close_old_connections
from django.utils import timezone

from dashboard.frame.threads import look
from dashboard.models import Membership
from dashboard.people.places import Places
from dashboard.people.quotas import refuse_look_up_unseen
from dashboard.people.refusal import Refusal
from dashboard.people.session_store import digest_key
from dashboard.people.user_sessions import find_account
from dashboard.server.cookies import find_all, find_cookie
from oauth.asgi import Receive, Scope

# The maximum length of a body in bytes: from strangers; of a form without files, which takes eighty times its length in memory to parse, while no other thread
# can run; for any page; and for the page that takes whole log files. Each body stays in memory until it is answered, so only a few long ones are accepted at
# once: one per person, and at most half of them from one workspace.
MAX_OF_STRANGERS = 65_536
# This is four times the longest text in such a form, because each character may be encoded as three.
MAX_FORM = 524_288
# In such a form. Decoding one takes as long as reading a few hundred plain octets, so a signed-in user's form takes no longer than a stranger's longest form.
# Half of the longest text may have to be encoded.
MAX_ESCAPES = 65_536
MAX_BODY = 2_621_440
MAX_LOG = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
MAX_LONG_BODIES = 4
MAX_LONG_BODIES_OF_WORKSPACE = 2
_KEY = "[a-z0-9]{32}"
_TAKES_LOGS = re.compile("/w/([a-z0-9-]+)/leak/")
_long_bodies = Places(MAX_LONG_BODIES, most_of_group=MAX_LONG_BODIES_OF_WORKSPACE)
_LOGS_BUSY = Refusal(503, 5, "Other long files are being read. Try again in a few seconds, or send only a part of yours.")


class TooLargeError(Exception):
    pass


class LookUpRefusedError(Exception):
    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


async def read_body(scope: Scope, receive: Receive, held: ExitStack) -> bytes | None:
    """The body; None if the sender has disconnected. held: keeps places until the request is answered. Raise TooLargeError or LookUpRefusedError,
    possibly before anything is read.
    """
    parts: list[bytes] = []
    length = 0
    longest = MAX_OF_STRANGERS
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
        raise TooLargeError
    body = b"".join(parts)
    if not _has_files(scope) and body.count(b"%") > MAX_ESCAPES:
        raise TooLargeError
    return body


def _find_announced_length(scope: Scope) -> int:
    return next((int(value) for name, value in scope["headers"] if name == b"content-length"), 0)


async def _find_next_limit(scope: Scope, longest: int, held: ExitStack) -> int:
    """Raise TooLargeError if there is none. Raise LookUpRefusedError if the page would refuse any body, or if too many long bodies come at once."""
    if longest == MAX_OF_STRANGERS and await look_for_person(scope):
        scope["state"]["belong_to_person"]()
        return MAX_BODY if _has_files(scope) else MAX_FORM
    takes_logs = _TAKES_LOGS.fullmatch(scope["path"])
    if longest == MAX_BODY and takes_logs and (account := await look(scope, _find_member, (_session_key(scope), takes_logs[1]))):
        if not held.enter_context(_long_bodies.take(account, group=takes_logs[1])):
            raise LookUpRefusedError(_LOGS_BUSY)
        return MAX_LOG
    raise TooLargeError


def _has_files(scope: Scope) -> bool:
    return any(name == b"content-type" and value.lower().startswith(b"multipart/form-data") for name, value in scope["headers"])


def find_sessions(scope: Scope) -> set[str]:
    """The sessions that Django might find in the request, as rows have their keys."""
    return {digest_key(key) for key in find_all(scope["headers"], settings.SESSION_COOKIE_NAME, _KEY)}


async def look_for_person(scope: Scope) -> bool:
    """Whether somebody is signed in. Raise OverdueError like look, and LookUpRefusedError if they want to look something up and may not."""
    is_there, refusal = await look(scope, _find_person, (_session_key(scope), _TAKES_LOGS.fullmatch(scope["path"]) is not None))
    if refusal is not None:
        raise LookUpRefusedError(refusal)
    return is_there


def _session_key(scope: Scope) -> str:
    return find_cookie(scope["headers"], settings.SESSION_COOKIE_NAME, _KEY)


def _find_person(asked: tuple[str, bool]) -> tuple[bool, Refusal | None]:
    """Whether the user is signed in, and why they may not look anything up. asked: the session's key, and whether the request is a look-up.

    Makes sure that the connection works, because Django only checks for a broken one when a request begins.
    """
    key, takes_logs = asked
    close_old_connections()
    account = find_account(key)
    return bool(account), refuse_look_up_unseen(account, now=timezone.now()) if account and takes_logs else None


def _find_member(asked: tuple[str, str]) -> str:
    """The signed-in account, "" if it isn't a member of the workspace. asked: the session's key, and the workspace's slug."""
    key, slug = asked
    close_old_connections()
    account = find_account(key)
    return account if account and Membership.objects.filter(user=int(account), workspace__slug=slug).exists() else ""
