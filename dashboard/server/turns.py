"""The queue of connections to be read: each turn of the event loop reads a part of one connection. Networks take turns, so that a network that sends much at
once, over one connection or a thousand, doesn't delay the others.
"""

import asyncio
from collections.abc import Callable

# At most this many requests of one network begin in one turn of the loop: a turn for each would cost a busy worker a tenth of its time.
MAX_AT_ONCE = 32

# The result of what had nothing to do in its turn.
IDLE = object()


class Turns:
    """network: the peer's, "" for peers that share none."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lines: dict[str, dict[Callable[[], object], None]] = {}
        self._is_due = False
        self._begun: dict[str, int] = {}

    @property
    def are_asked_for(self) -> bool:
        return bool(self._lines)

    def ask(self, go_on: Callable[[], object], network: str = "") -> None:
        """Have go_on called once, in its own turn, even if this is called several times meanwhile. If it returns IDLE, it had nothing to do, and the next one
        has the turn.
        """
        self._call()
        self._lines.setdefault(network, {})[go_on] = None

    async def wait(self, network: str) -> None:
        """Wait for the network's next turn."""
        turn = self._loop.create_future()
        self.ask(lambda: IDLE if turn.done() else turn.set_result(None), network)
        await turn

    def may_go_at_once(self, network: str) -> bool:
        """Whether a short task of the network may run without waiting. The task is counted."""
        if network in self._lines:
            return False
        if not self._begun:
            self._loop.call_soon(self._begun.clear)
        self._begun[network] = begun = self._begun.get(network, 0) + 1
        return begun <= MAX_AT_ONCE

    def _call(self) -> None:
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._give)

    def _give(self) -> None:
        self._is_due = False
        for _ in range(MAX_AT_ONCE):
            if not self._lines:
                return
            go_on = self._take()
            if self._lines:
                self._call()
            if go_on() is not IDLE:
                return

    def _take(self) -> Callable[[], object]:
        network = next(iter(self._lines))
        line = self._lines.pop(network)
        go_on = next(iter(line))
        del line[go_on]
        if line:
            # The network goes back to the end of the queue.
            self._lines[network] = line
        return go_on
