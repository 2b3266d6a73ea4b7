"""Connections of which something waits to be read: a part of one in each turn of the event loop, so that what one sends at once isn't the others' problem."""

import asyncio
from collections.abc import Callable


class Turns:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: dict[Callable[[], None], None] = {}

    def ask(self, go_on: Callable[[], None]) -> None:
        """Have it called once, in a turn of its own, however often it is asked for meanwhile."""
        if not self._waiting:
            self._loop.call_soon(self._give)
        self._waiting[go_on] = None

    def _give(self) -> None:
        go_on = next(iter(self._waiting))
        del self._waiting[go_on]
        if self._waiting:
            self._loop.call_soon(self._give)
        go_on()
