"""How many connections each worker has, in memory that all share: it is made before the master forks."""

import mmap
from typing import Any

from oauth.metrics import PLACES

_NOBODY, _STARTING = -1, -2
_counts = memoryview(mmap.mmap(-1, 4 * PLACES)).cast("i")
for _place in range(PLACES):
    _counts[_place] = _NOBODY


def take_place(worker: Any) -> None:
    """To be called by the master before it forks."""
    worker.place = next((place for place, count in enumerate(_counts) if count == _NOBODY), PLACES)
    note(worker, _STARTING)


def forget(worker: Any) -> None:
    """To be called by the master when a worker has ended, however it did."""
    note(worker, _NOBODY)


def note(worker: Any, connections: int) -> None:
    if worker.place < PLACES:
        _counts[worker.place] = connections


def fewest() -> int:
    """Connections of the worker that has the fewest of those that serve."""
    return min((count for count in _counts if count >= 0), default=0)


def is_anyone_starting() -> bool:
    return _STARTING in _counts
