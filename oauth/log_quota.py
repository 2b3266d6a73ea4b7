"""Limits how many lines of one kind the log gets, so that it can't be flooded."""

from collections import Counter


class LogQuota:
    """seconds: the length of a window, which begins with the first line after the previous window. lines: the limit in a window; of_one: the limit for one
    sender.
    """

    def __init__(self, *, seconds: float, lines: int, of_one: int) -> None:
        self._seconds, self._most, self._most_of_one = seconds, lines, of_one
        self._began = float("-inf")
        self._lines: Counter[str] = Counter()
        self._left_out = 0

    def spend(self, whose: str, now: float) -> int | None:
        """now: seconds of a monotonic clock. Returns how many lines were left out since the last one; None if this line must be left out too."""
        if now - self._began >= self._seconds:
            self._began, self._lines = now, Counter()
        if self._lines[whose] >= self._most_of_one or self._lines.total() >= self._most:
            self._left_out += 1
            return None
        self._lines[whose] += 1
        left_out, self._left_out = self._left_out, 0
        return left_out
