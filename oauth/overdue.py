"""Requests that are given up before they are answered: why, and in the log one line a second of each process, however many they are."""

import logging

from oauth.errors import Reason

OVERDUE = Reason("overdue", "It was given up: it took too long, for the database was slow, or too many requests came at once.")
CROWDED = Reason("crowded", "It was refused at once: too many requests were waiting already.")

SECONDS_BETWEEN_LINES = 1.0

logger = logging.getLogger("tokenos.oauth")


class OverdueLog:
    def __init__(self) -> None:
        self._written_at = float("-inf")
        self._left_out = 0

    def write(self, what: str, reason: Reason, *, request_id: str, now: float) -> None:
        """what: an endpoint's name, or "a page". now: seconds of a monotonic clock."""
        if now - self._written_at < SECONDS_BETWEEN_LINES:
            self._left_out += 1
            return
        more = f" {self._left_out} more were given up since the last such line." if self._left_out else ""
        self._written_at, self._left_out = now, 0
        logger.error("%s: %s.%s", reason.code, what, more, extra={"request_id": request_id, "endpoint": what, "reason": reason.sentence})


overdue_log = OverdueLog()
