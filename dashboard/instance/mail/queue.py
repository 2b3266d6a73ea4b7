"""Mail that waits for the mail server, in memory: stopping the server sends it first, but a crash loses it.

Each kind of mail has its own places and the kinds take turns, so that many emails of one kind, such as those about a leak, can't push out or delay a notice
about an account. Within a kind, one recipient has few places, so that people can't fill them with notices about themselves. The same limit applies to the
emails that one person causes. Mail without a place isn't dropped silently: add reports it, so that the caller can tell somebody else. Lines beyond the limit of
one address, at once or within an hour, go into one more email to it.
"""

import atexit
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import Enum, auto
from threading import Lock, Timer
from typing import NamedTuple

MAX_OF_A_KIND = 200
MAX_TO_ONE = 20
MAX_BY_ONE = 50
# At most this many are listed in that email; the others are only counted.
MAX_LISTED = 200
# gather waits this long for more lines.
GATHERED_SECONDS = 900


class Place(Enum):
    """TOO_MANY_TO_ONE: too many emails to that address are waiting; there may be room for others."""

    TAKEN = auto()
    TOO_MANY_TO_ONE = auto()
    FULL = auto()


class _Waiting(NamedTuple):
    to: str
    by: str
    send: Callable[[], object]


_sender = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mail")
_lock = Lock()
# The emails by kind; the kind whose turn is next comes first.
_waiting: dict[str, deque[_Waiting]] = {}
# By kind and address: the lines beyond the limit.
_more: dict[tuple[str, str], list[str]] = {}
# By address: the lines that wait for others.
_gathered: dict[str, tuple[Timer, Callable[[Sequence[str]], object]]] = {}
_GATHERED = "gathered"


def add(kind: str, to: str, send: Callable[[], object], *, by: str = "") -> Place:
    """Queue an email. to: an address, "" if it has no single recipient. by: the person who causes it, "" if that doesn't count."""
    with _lock:
        of_kind = _waiting.get(kind, deque())
        if sum(other.to == to for other in of_kind) >= MAX_TO_ONE:
            return Place.TOO_MANY_TO_ONE
        if len(of_kind) >= MAX_OF_A_KIND or (by and sum(other.by == by for other in of_kind) >= MAX_BY_ONE):
            return Place.FULL
        _append(kind, _Waiting(to, by, send))
    return Place.TAKEN


def add_more(kind: str, to: str, line: str, send: Callable[[Sequence[str]], object]) -> None:
    """Add line to one email with everything beyond that address's limit. Only addresses with MAX_TO_ONE waiting emails get such an email, so there are few."""
    with _lock:
        lines = _more.setdefault((kind, to), [])
        lines.append(line if len(lines) < MAX_LISTED else "")
        if len(lines) == 1:
            _append(kind, _Waiting(to, "", lambda: send(_take_more(kind, to))))


def gather(to: str, line: str, send: Callable[[Sequence[str]], object]) -> None:
    """Add line to one email to that address, with all others within GATHERED_SECONDS of the first, for addresses that have had many emails within an hour."""
    with _lock:
        lines = _more.setdefault((_GATHERED, to), [])
        lines.append(line if len(lines) < MAX_LISTED else "")
        if len(lines) == 1:
            timer = Timer(GATHERED_SECONDS, _send_gathered, [to])
            timer.daemon = True
            _gathered[to] = timer, send
            timer.start()


def _send_gathered(to: str) -> None:
    with _lock:
        found = _gathered.pop(to, None)
        if found is not None:
            timer, send = found
            timer.cancel()
            _append(_GATHERED, _Waiting(to, "", lambda: send(_take_more(_GATHERED, to))))


@atexit.register
def _send_gathered_at_the_end() -> None:
    """Called at exit, when all sending threads have stopped."""
    for to, (_, send) in list(_gathered.items()):
        send(_take_more(_GATHERED, to))


def _append(kind: str, waiting: _Waiting) -> None:
    _waiting.setdefault(kind, deque()).append(waiting)
    _sender.submit(_send_next)


def _take_more(kind: str, to: str) -> list[str]:
    with _lock:
        return _more.pop((kind, to))


def _send_next() -> None:
    with _lock:
        kind = next(iter(_waiting))
        of_kind = _waiting.pop(kind)
        waiting = of_kind.popleft()
        if of_kind:
            # The kind goes back to the end of the queue.
            _waiting[kind] = of_kind
    waiting.send()


def wait_until_sent() -> None:
    """Wait for everything that was added or gathered before this call."""
    for to in list(_gathered):
        _send_gathered(to)
    _sender.submit(lambda: None).result()
