"""Rows of numbers in memory that a process and its forks share. Each process has its own place, so none waits for another.

This is memory, not a file, because a full disk under a mapped file kills the process that writes to it (SIGBUS). Nothing here needs Django to be set up.
"""

import mmap
from threading import Lock
from typing import TypeAlias

WIDTH = 16
_NAME_BYTES = 96
_ROW_BYTES = _NAME_BYTES + 8 * WIDTH
# This is enough, because names come from our own closed sets. A memory page that was never written costs nothing.
_ROWS = 180

Row: TypeAlias = "memoryview[float]"


class NoRoomError(Exception):
    """There are too many rows, or the name of one is too long."""


class SharedNumbers:
    """Make it before the processes fork. When a process ends, its numbers stay, and the next process in its place continues from them."""

    def __init__(self, places: int) -> None:
        self._places = [memoryview(mmap.mmap(-1, _ROWS * _ROW_BYTES)) for _ in range(places)]
        self._lock = Lock()
        self.take(0)

    def take(self, place: int) -> None:
        """Write to that place from now on; no other living process may. A place that doesn't exist is private memory, which isn't summed up."""
        self._place = self._places[place] if place < len(self._places) else memoryview(bytearray(_ROWS * _ROW_BYTES))
        self._rows = _find_rows(self._place)

    def find_row(self, name: str) -> Row:
        """The name's WIDTH numbers, initially 0, to add to. Raise NoRoomError."""
        with self._lock:
            return self._rows.get(name) or self._make_row(name.encode())

    def _make_row(self, name: bytes) -> Row:
        begin = len(self._rows) * _ROW_BYTES
        if len(name) > _NAME_BYTES or len(self._rows) == _ROWS:
            raise NoRoomError
        # The first octet is written last, so that a process that reads meanwhile doesn't find a row with half a name.
        self._place[begin + 1 : begin + len(name)] = name[1:]
        self._place[begin : begin + 1] = name[:1]
        row = self._rows[name.decode()] = self._place[begin + _NAME_BYTES : begin + _ROW_BYTES].cast("d")
        return row

    def sum_up(self) -> dict[str, list[float]]:
        """The rows by name, summed over all processes."""
        sums: dict[str, list[float]] = {}
        for place in self._places:
            for name, row in _find_rows(place).items():
                sums[name] = [sum(pair) for pair in zip(sums.get(name, [0.0] * WIDTH), row, strict=True)]
        return sums


def _find_rows(place: memoryview) -> dict[str, Row]:
    rows = {}
    for begin in range(0, len(place), _ROW_BYTES):
        name = bytes(place[begin : begin + _NAME_BYTES]).rstrip(b"\0").decode()
        if not name:
            break
        rows[name] = place[begin + _NAME_BYTES : begin + _ROW_BYTES].cast("d")
    return rows
