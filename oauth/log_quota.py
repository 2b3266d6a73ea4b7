"""Limits how many lines of one kind the log gets, so that it can't be flooded."""

from collections import Counter
from threading import Lock
from time import monotonic

from oauth.sender_network import widest_network_of


class LogQuota:
    """seconds: the length of a window, which begins with the first line after the previous window. lines: the limit in a window; of_one: the limit for one
    sender.
    """

    def __init__(self, *, seconds: float, lines: int, of_one: int) -> None:
        self._seconds, self._most, self._most_of_one = seconds, lines, of_one
        self._began = float("-inf")
        self._lines: Counter[str] = Counter()
        self._left_out = 0
        self._lock = Lock()

    def spend(self, whose: str, now: float) -> int | None:
        """now: seconds of a monotonic clock. Returns how many lines were left out since the last one; None if this line must be left out too."""
        with self._lock:
            if now - self._began >= self._seconds:
                self._began, self._lines = now, Counter()
            if self._lines[whose] >= self._most_of_one or self._lines.total() >= self._most:
                self._left_out += 1
                return None
            self._lines[whose] += 1
            left_out, self._left_out = self._left_out, 0
            return left_out


# Of one process. A network has ten lines for each kind of refusal.
refused_requests = LogQuota(seconds=60, lines=500, of_one=10)


def spend_on_refusal(kind: str, address: str) -> int | None:
    """Like LogQuota.spend, for a refused request. kind: from a closed set, so that a sender can't take the place of others. address: "" if unknown."""
    return refused_requests.spend(f"{widest_network_of(address)} {kind}", monotonic())
