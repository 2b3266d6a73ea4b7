"""What waits to be read: a part of one connection in each turn of the event loop, and the networks from which they come one after the other, so that what one
sends at once isn't the others' problem, on one connection or on a thousand.
"""

import asyncio
from collections.abc import Callable

# Requests of one network that are begun in one turn of the loop without waiting for another: a turn for each would cost a tenth of a busy worker.
MOST_AT_ONCE = 32


class Turns:
    """network: of the peer, "" for those that have none in common."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lines: dict[str, dict[Callable[[], None], None]] = {}
        self._begun: dict[str, int] = {}

    def ask(self, go_on: Callable[[], None], network: str = "") -> None:
        """Have it called once, in a turn of its own, however often it is asked for meanwhile."""
        if not self._lines:
            self._loop.call_soon(self._give)
        self._lines.setdefault(network, {})[go_on] = None

    def may_go_at_once(self, network: str) -> bool:
        """Whether something short of it needn't wait. Counts it."""
        if network in self._lines:
            return False
        if not self._begun:
            self._loop.call_soon(self._begun.clear)
        self._begun[network] = begun = self._begun.get(network, 0) + 1
        return begun <= MOST_AT_ONCE

    def _give(self) -> None:
        network = next(iter(self._lines))
        line = self._lines.pop(network)
        go_on = next(iter(line))
        del line[go_on]
        if line:
            # Behind all others.
            self._lines[network] = line
        if self._lines:
            self._loop.call_soon(self._give)
        go_on()
