"""Mail that waits for the mail server, in memory: who stops the server gets what is in it sent first, and a crash loses it.

Each kind of mail has places of its own and they take turns, so that many of one kind, such as those about something leaked, neither push out nor delay a notice
about an account. Of a kind, one person has few places, so that nobody fills them with notices about themselves, and so has what one person causes. What has no
place isn't lost without a word: add says so, for the caller to tell somebody else; and what is too much for one address stands in one more mail to it, be that
too much at once or within an hour.
"""

import atexit
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import Enum, auto
from threading import Lock, Timer
from typing import NamedTuple

MOST_OF_A_KIND = 200
MOST_TO_ONE = 20
MOST_BY_ONE = 50
# In that one more mail; the others are counted.
MOST_LISTED = 200
# How long gather waits for more.
GATHERED_SECONDS = 900


class Place(Enum):
    """TOO_MANY_TO_ONE: wait for that address already; there may be room for others."""

    TAKEN = auto()
    TOO_MANY_TO_ONE = auto()
    FULL = auto()


class _Waiting(NamedTuple):
    to: str
    by: str
    send: Callable[[], object]


_sender = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mail")
_lock = Lock()
# By kind, that whose turn it is first.
_waiting: dict[str, deque[_Waiting]] = {}
# By kind and address: what was too much.
_more: dict[tuple[str, str], list[str]] = {}
# By address: what waits for more.
_gathered: dict[str, tuple[Timer, Callable[[Sequence[str]], object]]] = {}
_GATHERED = "gathered"


def add(kind: str, to: str, send: Callable[[], object], *, by: str = "") -> Place:
    """Whether it is sent in its turn. to: an address, "" for nobody's. by: who causes it, "" where that doesn't count."""
    with _lock:
        of_kind = _waiting.get(kind, deque())
        if sum(other.to == to for other in of_kind) >= MOST_TO_ONE:
            return Place.TOO_MANY_TO_ONE
        if len(of_kind) >= MOST_OF_A_KIND or (by and sum(other.by == by for other in of_kind) >= MOST_BY_ONE):
            return Place.FULL
        _append(kind, _Waiting(to, by, send))
    return Place.TAKEN


def add_more(kind: str, to: str, line: str, send: Callable[[Sequence[str]], object]) -> None:
    """Of what is too much for that address: line, in one mail with all others. As only who has MOST_TO_ONE places gets it, these are few."""
    with _lock:
        lines = _more.setdefault((kind, to), [])
        lines.append(line if len(lines) < MOST_LISTED else "")
        if len(lines) == 1:
            _append(kind, _Waiting(to, "", lambda: send(_take_more(kind, to))))


def gather(to: str, line: str, send: Callable[[Sequence[str]], object]) -> None:
    """line, in one mail to that address with all others that come within GATHERED_SECONDS of the first, for who has had many mails within an hour."""
    with _lock:
        lines = _more.setdefault((_GATHERED, to), [])
        lines.append(line if len(lines) < MOST_LISTED else "")
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
    """By then no thread sends any more."""
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
            # Behind the others.
            _waiting[kind] = of_kind
    waiting.send()


def wait_until_sent() -> None:
    """What was added or gathered before this call."""
    for to in list(_gathered):
        _send_gathered(to)
    _sender.submit(lambda: None).result()
