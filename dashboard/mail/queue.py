"""Mail that waits for the mail server, in memory: who stops the server gets what is in it sent first, and a crash loses it.

Each kind of mail has places of its own and they take turns, so that many of one kind, such as those about something leaked, neither push out nor delay a notice
about an account. Of a kind, one person has few places, so that nobody fills them all with notices about themselves.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

MOST_OF_A_KIND = 200
MOST_TO_ONE = 20

_sender = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mail")
_lock = Lock()
# By kind, that whose turn it is first: to whom, and what sends it.
_waiting: dict[str, deque[tuple[str, Callable[[], object]]]] = {}


def add(kind: str, to: str, send: Callable[[], object]) -> int:
    """0, or how many wait already where those are too many. to: an address, "" for nobody's."""
    with _lock:
        of_kind = _waiting.get(kind, deque())
        to_one = sum(other == to for other, _ in of_kind)
        if to_one >= MOST_TO_ONE:
            return to_one
        if len(of_kind) >= MOST_OF_A_KIND:
            return len(of_kind)
        of_kind.append((to, send))
        _waiting[kind] = of_kind
    _sender.submit(_send_next)
    return 0


def _send_next() -> None:
    with _lock:
        kind = next(iter(_waiting))
        of_kind = _waiting.pop(kind)
        _, send = of_kind.popleft()
        if of_kind:
            # Behind the others.
            _waiting[kind] = of_kind
    send()


def wait_until_sent() -> None:
    """What was added before this call."""
    _sender.submit(lambda: None).result()
