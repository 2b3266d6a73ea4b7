"""Work that waits for a thread. Senders take turns, so a sender with much work makes only itself wait."""

from collections import deque
from queue import SimpleQueue
from threading import Lock
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")


class FairQueue(Generic[ItemT]):
    """First come first served among the items of one sender; the senders in turn."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[ItemT]] = {}
        self._lock = Lock()
        # One entry for each item: threads wait for these.
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
                # Back to the end of the queue.
                self._lines[sender] = line
            return item
