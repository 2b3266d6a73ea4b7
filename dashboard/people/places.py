"""Work of which a process does little at once: who may wait for it or have it done, so that one who sends much leaves the others theirs."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class Places:
    """Strangers have some of them only: the others are for people who are signed in, or have signed in before with the same browser.

    held: by whom, each with whether that is a stranger.
    """

    def __init__(self, most: int, *, most_strangers: int) -> None:
        self._most = most
        self._most_strangers = most_strangers
        self._lock = Lock()
        self.held: dict[str, bool] = {}

    @contextmanager
    def take(self, who: str, *, is_stranger: bool) -> Iterator[bool]:
        """False where none is free. who: a person, or a stranger's network; each has one, so that a flood from one network leaves the others to all."""
        with self._lock:
            is_free = who not in self.held and len(self.held) < self._most and not (is_stranger and self._has_all_strangers())
            if is_free:
                self.held[who] = is_stranger
        try:
            yield is_free
        finally:
            if is_free:
                with self._lock:
                    del self.held[who]

    def has_all_strangers(self) -> bool:
        """Whether there is none for a stranger."""
        with self._lock:
            return self._has_all_strangers()

    def _has_all_strangers(self) -> bool:
        return sum(self.held.values()) >= self._most_strangers
