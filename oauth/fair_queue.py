"""Work that waits for a thread. Senders take turns, so a sender with much work makes only itself wait."""

from collections import deque
from queue import SimpleQueue
from threading import Lock
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")


class FairQueue(Generic[ItemT]):
    """The senders take turns. Items of one sender keep their order."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[ItemT]] = {}
        self._lock = Lock()
        # It has one entry for each item, and the threads wait for these.
        self._ready: SimpleQueue[None] = SimpleQueue()

    def put(self, sender: str, item: ItemT) -> None:
        with self._lock:
            line = self._lines.get(sender)
            if line is None:
                line = self._lines[sender] = deque()
            line.append(item)
        self._ready.put(None)

    def get(self) -> ItemT:
        """Wait for an item."""
        self._ready.get()
        with self._lock:
            sender = next(iter(self._lines))
            line = self._lines.pop(sender)
            item = line.popleft()
            if line:
                # The sender goes back to the end of the queue.
                self._lines[sender] = line
            return item
