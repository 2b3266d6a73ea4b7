"""Counts the failures of a network that already has too many: they aren't written to the database, so each process counts them itself, under the same limits.

Otherwise an attacker with a whole IPv6 network could use up its limit from some addresses and then guess without limit from another.
"""

from collections import OrderedDict
from datetime import datetime
from threading import Lock
from typing import NamedTuple

from django.conf import settings

from oauth.throttling import FailureKeys

# The number of keys that are counted; beyond it, the oldest is forgotten. To make it forget a key, an attacker needs this many failed requests.
MAX = 20_000


class _Count(NamedTuple):
    failures: int
    window_ends: int


_counts: OrderedDict[str, _Count] = OrderedDict()
_lock = Lock()


def count(keys: FailureKeys, *, now: datetime) -> None:
    """Count one failure under each key."""
    seconds = int(now.timestamp())
    with _lock:
        for key in filter(None, (keys.client_and_address, keys.address)):
            counted = _counts.get(key)
            if counted is None or counted.window_ends <= seconds:
                _counts.pop(key, None)
                counted = _Count(0, seconds + settings.FAILURE_WINDOW)
            _counts[key] = counted._replace(failures=counted.failures + 1)
        while len(_counts) > MAX:
            _counts.popitem(last=False)


def blocked_until(keys: FailureKeys, *, now: datetime) -> int | None:
    """Seconds since the epoch; None if an attempt under keys is allowed."""
    if not _counts:
        return None
    limits = ((keys.client_and_address, settings.FAILURES_PER_CLIENT), (keys.address, settings.FAILURES_PER_ADDRESS))
    with _lock:
        found = [(_counts[key], limit) for key, limit in limits if key in _counts]
    ends = [counted.window_ends for counted, limit in found if counted.failures >= limit and counted.window_ends > int(now.timestamp())]
    return max(ends, default=None)


def forget() -> None:
    """Forget all failures."""
    with _lock:
        _counts.clear()
