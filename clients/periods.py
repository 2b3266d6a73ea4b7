"""The three periods that usage is counted and charted for. Each ends with the current hour, six hours or day, UTC."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

HOUR = timedelta(hours=1)


def floor_hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


@dataclass(frozen=True, slots=True)
class Period:
    """A number of slots of the same length. name: as in a URL, and in the columns of ClientActivity."""

    name: str
    slots: int
    slot: timedelta

    @property
    def length(self) -> timedelta:
        return self.slots * self.slot

    def ends_at(self, now: datetime) -> datetime:
        """A time after now, because the last slot has only begun."""
        midnight = floor_hour(now).replace(hour=0)
        return midnight + ((now - midnight) // self.slot + 1) * self.slot

    def begins_at(self, now: datetime) -> datetime:
        return self.ends_at(now) - self.length

    @classmethod
    def of_hours(cls, hours: int) -> Self:
        """Slots of one hour."""
        return cls(f"{hours}h", hours, HOUR)


DAY = Period("24h", 24, HOUR)
WEEK = Period("7d", 28, 6 * HOUR)
MONTH = Period("30d", 30, 24 * HOUR)
PERIODS = {period.name: period for period in (DAY, WEEK, MONTH)}
