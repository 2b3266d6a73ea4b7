"""Logs why requests are given up before they are answered: at most one line per second and process."""

import logging

from oauth import reasons
from oauth.log_quota import LogQuota
from oauth.reasons import Reason

OVERDUE = reasons.OVERDUE.say()
CROWDED = reasons.CROWDED.say()

logger = logging.getLogger("tokenos.oauth")


class OverdueLog:
    def __init__(self) -> None:
        self._quota = LogQuota(seconds=1, lines=1, of_one=1)

    def write(self, what: str, reason: Reason, *, request_id: str, now: float) -> None:
        """what: an endpoint's name, or "a page". now: seconds of a monotonic clock."""
        left_out = self._quota.spend("", now)
        if left_out is None:
            return
        more = f" {left_out} more given up since the last line." if left_out else ""
        logger.error("%s: %s.%s", reason.code, what, more, extra={"request_id": request_id, "endpoint": what, "reason": reason.sentence})


overdue_log = OverdueLog()
