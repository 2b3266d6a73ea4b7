"""The clock that all processes of an installation share: the database's. Work that deletes, or that is done once for all processes, goes by it.

PostgreSQL has its own clock. SQLite has none, but all processes that open its file are on one machine, so its clock is the kernel's, read in a way that
no process's settings can change. A process whose clock is off leaves such work to others: one of the two clocks is wrong, and we can't know which.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db import connection

# The clock of a process may differ from the database's by this much.
MAX_CLOCK_DIFFERENCE = timedelta(seconds=60)
# So the clocks of two processes may differ by twice as much: each process remembers for this long what another one may still accept.
CLOCK_MARGIN = 2 * MAX_CLOCK_DIFFERENCE

_BOOTED_AT = Path("/proc/stat")
# The precision of the kernel's value.
_RESOLUTION = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class ClockReading:
    """now: by the database's clock. ahead: how far the process's clock is ahead of it; negative if it is behind."""

    now: datetime
    ahead: timedelta

    @property
    def is_off(self) -> bool:
        return abs(self.ahead) > MAX_CLOCK_DIFFERENCE

    def __str__(self) -> str:
        return f"The clock of this process is {abs(self.ahead).total_seconds():,.0f} s {'ahead of' if self.ahead > timedelta() else 'behind'} the database's."


def read_clocks() -> ClockReading:
    """Both clocks now, apart from the time that the database takes to answer."""
    before = datetime.now(UTC)
    theirs = _read_postgresql() if connection.vendor == "postgresql" else _read_kernel()
    own = before + (datetime.now(UTC) - before) / 2
    if theirs is None or (connection.vendor == "sqlite" and abs(own - theirs) <= _RESOLUTION):
        return ClockReading(own, timedelta())
    return ClockReading(theirs, own - theirs)


def _read_postgresql() -> datetime:
    with connection.cursor() as cursor:
        # now() doesn't change within a transaction, so it isn't used.
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
    return found


def _read_kernel() -> datetime | None:
    """The kernel's time; None if the system has no such file."""
    try:
        booted_at = next(line for line in _BOOTED_AT.read_text().splitlines() if line.startswith("btime "))
    except (OSError, StopIteration):
        return None
    # /proc/uptime isn't used: in an LXC container it is the container's uptime, while btime is the host's boot time.
    return datetime.fromtimestamp(int(booted_at.split()[1]) + time.clock_gettime(time.CLOCK_BOOTTIME), UTC)
