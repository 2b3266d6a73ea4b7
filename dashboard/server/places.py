"""The number of connections of each worker, in shared memory that is made before the master forks."""

import mmap
from typing import Any

from oauth.metrics import PLACES

_NOBODY, _STARTING = -1, -2
_counts = memoryview(mmap.mmap(-1, 4 * PLACES)).cast("i")
for _place in range(PLACES):
    _counts[_place] = _NOBODY


def take_place(worker: Any) -> None:
    """The master calls it before it forks."""
    worker.place = next((place for place, count in enumerate(_counts) if count == _NOBODY), PLACES)
    note(worker, _STARTING)


def forget(worker: Any) -> None:
    """The master calls it when a worker has ended for any reason."""
    note(worker, _NOBODY)


def note(worker: Any, connections: int) -> None:
    if worker.place < PLACES:
        _counts[worker.place] = connections


def fewest() -> int:
    """The lowest number of connections among the serving workers."""
    return min((count for count in _counts if count >= 0), default=0)


def is_anyone_starting() -> bool:
    return _STARTING in _counts
