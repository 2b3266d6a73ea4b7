"""Durations as the commands and the API write them: 90d, 24h, 30m, 45s or 0."""

import re
from datetime import timedelta

from django.core.exceptions import ValidationError

MAX_DURATION = timedelta(days=36500)

# The lifetime of something that doesn't expire. None means the default.
NO_END = timedelta.max


def parse_lifetime(text: str) -> timedelta:
    """A duration, or NO_END for “never”. Raise ValidationError."""
    return NO_END if text == "never" else parse_duration(text)


def parse_duration(text: str) -> timedelta:
    """Raise ValidationError if it isn't a duration, is negative, or is over 100 years."""
    match = re.fullmatch(r"([0-9]{1,10})([dhms])|0", text)
    if match is None:
        raise ValidationError(f"“{text[:40]}” isn't a duration. Use for example 90d, 24h, 30m, 45s or 0.", code="invalid_duration")
    if text == "0":
        return timedelta()
    seconds = int(match[1]) * {"d": 86400, "h": 3600, "m": 60, "s": 1}[match[2]]
    if seconds > MAX_DURATION.total_seconds():
        raise ValidationError(f"{text} is too long. The longest duration is 36500d.", code="invalid_duration")
    return timedelta(seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """The shortest spelling that parse_duration reads back."""
    seconds = int(duration.total_seconds())
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s" if seconds else "0"
