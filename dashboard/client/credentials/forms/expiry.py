"""Form choices for a new credential's expiry: after a usual time, on a date, or never if the workspace allows that."""

from datetime import UTC, date, datetime, time, timedelta

from django.core.exceptions import ValidationError

from clients.duration import MAX_DURATION, NO_END, parse_duration
from clients.policy import ClientPolicy

DATE, NEVER = "date", "never"
USUAL = {"30d": "30 days", "90d": "90 days", "365d": "1 year"}
_DEFAULT = "365d"


def choices(policy: ClientPolicy) -> list[tuple[str, str]]:
    """Values and labels, the shortest first. They include the workspace's default and maximum, but no forbidden ones."""
    longest = policy.longest_secret_lifetime
    days = {days for days in (policy.default_secret_lifetime_days, policy.max_secret_lifetime_days) if days is not None}
    offered = {f"{count}d": f"{count:,} day{'s' if count != 1 else ''}" for count in days} | USUAL
    fitting = [text for text in sorted(offered, key=parse_duration) if longest is None or parse_duration(text) <= longest]
    return [*((text, offered[text]) for text in fitting), (DATE, "Date"), *([] if policy.demands_secret_expiry else [(NEVER, "Never")])]


def choices_without_date(policy: ClientPolicy) -> list[tuple[str, str]]:
    return [choice for choice in choices(policy) if choice[0] != DATE]


def choices_from_now(policy: ClientPolicy) -> list[tuple[str, str]]:
    """The same, with labels that follow “Expires”: “In 90 days”, “Never”."""
    return [(value, label if value == NEVER else f"In {label}") for value, label in choices_without_date(policy)]


def default(policy: ClientPolicy) -> str:
    """The initial value: the workspace's default, or else a year or its maximum."""
    days = policy.default_secret_lifetime_days
    offered = [value for value, _ in choices(policy) if value not in (DATE, NEVER)]
    wanted = _DEFAULT if days is None else f"{days}d"
    return wanted if wanted in offered else offered[-1]


def read_choice(value: str) -> timedelta:
    """The lifetime for any choice except DATE."""
    return NO_END if value == NEVER else parse_duration(value)


def until_end_of(day: date, *, policy: ClientPolicy, now: datetime) -> timedelta:
    """The lifetime until the end of the day, UTC, but not beyond the maximum if that is on the same day. Raise ValidationError."""
    lifetime = datetime.combine(day, time(23, 59, 59), UTC) - now
    longest = policy.longest_secret_lifetime
    if longest is not None and longest < lifetime < longest + timedelta(days=1):
        lifetime = longest
    require_ahead(lifetime)
    policy.choose_secret_lifetime(lifetime)
    return lifetime


def require_ahead(lifetime: timedelta) -> None:
    """Raise ValidationError if the expiry is in the past or too far away."""
    if lifetime <= timedelta():
        raise ValidationError("Choose a time after now.", code="invalid_lifetime")
    if lifetime > MAX_DURATION:
        raise ValidationError("That is over 100 years away. Choose an earlier day.", code="invalid_lifetime")
