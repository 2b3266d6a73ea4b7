"""Writes points in time for pages: “3 min ago” at first, then a date. Exact UTC is always added, for comparing with a log."""

from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

DAY = timedelta(days=1)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@cache
def zones() -> tuple[str, ...]:
    """The names of places in the IANA database, and UTC. Empty if the machine has no such database."""
    return ("UTC", *sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "posix/", "right/"))))


def find_zone(name: str) -> ZoneInfo | None:
    """The zone, None if it doesn't exist. name: any string."""
    return ZoneInfo(name) if name in zones() and name != "UTC" else None


# Beyond these, some zone has no valid date. By RFC 5280 §4.1.2.5, certificates that don't expire have the last second of the year 9999.
FIRST, LAST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


def local(value: datetime, zone: tzinfo) -> datetime:
    """The time in that zone. A time in the calendar's first or last hours is moved to a day that every zone has."""
    return min(max(value, FIRST), LAST).astimezone(zone)


def say_distance(distance: timedelta) -> str:
    """distance: to now, positive for the past. Rounded down to whole units, so 119 s are “1 min”."""
    seconds = int(abs(distance).total_seconds())
    if seconds < 1:
        return "now"
    number, unit = (seconds, "s") if seconds < 60 else (seconds // 60, "min") if seconds < 3600 else (seconds // 3600, "h")
    return f"{number} {unit} ago" if distance > timedelta(0) else f"in {number} {unit}"


def say_date(value: datetime, *, now: datetime, zone: tzinfo, with_year: bool = False) -> str:
    """A date such as “14 Feb 2027”, without the year if it is the current one."""
    there = local(value, zone)
    year = f" {there.year}" if with_year or there.year != local(now, zone).year else ""
    return f"{there.day} {MONTHS[there.month - 1]}{year}"


def say_clock(value: datetime, *, zone: tzinfo) -> str:
    return f"{local(value, zone):%H:%M:%S}"


def say_exactly(value: datetime, *, now: datetime, zone: tzinfo) -> str:
    """The date and time, such as “23 Nov 17:10”."""
    return f"{say_date(value, now=now, zone=zone)} {local(value, zone):%H:%M}"


def say_day(value: datetime, *, now: datetime, zone: tzinfo) -> str:
    """Words that follow “until”: “tomorrow 17:10”; for later days, “24 Nov 17:10”."""
    there = local(value, zone)
    near = {-1: "yesterday", 0: "today", 1: "tomorrow"}.get((there.date() - local(now, zone).date()).days)
    return f"{near} {there:%H:%M}" if near else say_exactly(value, now=now, zone=zone)


def say_length(length: timedelta) -> str:
    """A length such as “5 h 5 min”; from 48 hours on, “3 days”."""
    seconds = max(0, int(length.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours = seconds // 60, seconds // 3600
    if minutes < 60:
        return f"{minutes} min"
    if hours < 48:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{hours // 24:,} days"


def say(value: datetime, *, now: datetime, zone: tzinfo, with_year: bool = False) -> str:
    """Relative within 24 hours, otherwise a date. with_year: for an expiry, because its year matters most."""
    if abs(now - value) < DAY:
        return say_distance(now - value)
    return say_date(value, now=now, zone=zone, with_year=with_year)
