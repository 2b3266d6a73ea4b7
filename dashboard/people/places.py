"""Limits how many senders may use or wait for a scarce resource of a process, so that one sender leaves room for others."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

# The group of strangers: they aren't signed in, and haven't signed in with the same browser before.
STRANGERS = "strangers"


class Places:
    """Each group may have only some of the places, so that others get the rest. held: the holders of places with their groups, "" for no group."""

    def __init__(self, most: int, *, most_of_group: int) -> None:
        self._most = most
        self._most_of_group = most_of_group
        self._lock = Lock()
        self.held: dict[str, str] = {}

    @contextmanager
    def take(self, who: str, *, group: str = "") -> Iterator[bool]:
        """Take a place. False if none is free. who: a person, or a stranger's network. Each can have only one, so a flood from one network leaves the others
        free.
        """
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
        """Whether the group can't have another place."""
        with self._lock:
            return self._has_all(group)

    def _has_all(self, group: str) -> bool:
        return sum(other == group for other in self.held.values()) >= self._most_of_group
