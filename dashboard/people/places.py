"""Work of which a process does little at once: who may wait for it or have it done, so that one who sends much leaves the others theirs."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

# Of people who aren't signed in, and haven't signed in before with the same browser.
STRANGERS = "strangers"


class Places:
    """Of each group some only, so that the rest is others'. held: by whom, each with the group, "" for none."""

    def __init__(self, most: int, *, most_of_group: int) -> None:
        self._most = most
        self._most_of_group = most_of_group
        self._lock = Lock()
        self.held: dict[str, str] = {}

    @contextmanager
    def take(self, who: str, *, group: str = "") -> Iterator[bool]:
        """False where none is free. who: a person, or a stranger's network; each has one, so that a flood from one network leaves the others to all."""
        with self._lock:
            is_free = who not in self.held and len(self.held) < self._most and not (group and self._has_all(group))
            if is_free:
                self.held[who] = group
        try:
            yield is_free
        finally:
            if is_free:
                with self._lock:
                    del self.held[who]

    def has_all(self, group: str) -> bool:
        """Whether there is none for another of that group."""
        with self._lock:
            return self._has_all(group)

    def _has_all(self, group: str) -> bool:
        return sum(other == group for other in self.held.values()) >= self._most_of_group
