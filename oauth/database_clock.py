"""The clock that all processes of an installation share: the database's. What deletes, or does something once for all of them, goes by it.

PostgreSQL has a clock of its own. SQLite has none, but whoever opens its file is on one machine, so there it is that of the kernel, which is read where no
process can be told otherwise. A process whose own clock is off leaves such work to others: one of the two clocks is wrong, and nobody here knows which.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db import connection

# By how much the clock of a process may differ from the database's.
MAX_CLOCK_DIFFERENCE = timedelta(seconds=60)
# By how much those of two processes may differ then: what one of them still takes, another one remembers for so long.
CLOCK_MARGIN = 2 * MAX_CLOCK_DIFFERENCE

_BOOTED_AT = Path("/proc/stat")
# Of what the kernel says there.
_RESOLUTION = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class ClockReading:
    """now: by the database's clock. ahead: by how much the process's is ahead of it, negative where it is behind."""

    now: datetime
    ahead: timedelta

    @property
    def is_off(self) -> bool:
        return abs(self.ahead) > MAX_CLOCK_DIFFERENCE

    def __str__(self) -> str:
        return f"The clock of this process is {abs(self.ahead).total_seconds():,.0f} s {'ahead of' if self.ahead > timedelta() else 'behind'} the database's."


def read_clocks() -> ClockReading:
    """Both at this moment, but for the time that the database takes to answer."""
    before = datetime.now(UTC)
    theirs = _read_postgresql() if connection.vendor == "postgresql" else _read_kernel()
    own = before + (datetime.now(UTC) - before) / 2
    if theirs is None or (connection.vendor == "sqlite" and abs(own - theirs) <= _RESOLUTION):
        return ClockReading(own, timedelta())
    return ClockReading(theirs, own - theirs)


def _read_postgresql() -> datetime:
    with connection.cursor() as cursor:
        # Not now(), which stands still within a transaction.
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
    return found


def _read_kernel() -> datetime | None:
    """None where the system has no such file."""
    try:
        booted_at = next(line for line in _BOOTED_AT.read_text().splitlines() if line.startswith("btime "))
    except (OSError, StopIteration):
        return None
    # Not /proc/uptime: in a container of LXC that is the container's, beside the host's time of boot.
    return datetime.fromtimestamp(int(booted_at.split()[1]) + time.clock_gettime(time.CLOCK_BOOTTIME), UTC)
