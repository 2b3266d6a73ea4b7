"""The effect of a rotation or a longer overlap, as a picture and in words, without changing anything."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo

from clients.models import Client, ClientSecret
from clients.places_of_use import addresses_by_credential
from dashboard.client import impact, lifeline
from dashboard.client.lifeline import Lifeline, Span
from dashboard.frame import moment

# From this many working secrets on, including the new one, the page suggests one to remove.
MANY = 3
_SILENT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Use:
    """A secret that works now, and the addresses that used it within impact.IN_USE."""

    secret: ClientSecret
    addresses: Sequence[str]
    ends_at: datetime

    @property
    def more(self) -> int:
        return len(self.addresses) - 1


@dataclass(frozen=True, slots=True)
class Silent:
    """A secret that can be removed. unused_for: the time in words, "" if it was never used."""

    secret: ClientSecret
    unused_for: str


@dataclass(frozen=True, slots=True)
class Plan:
    """uses: the current secrets that are in use. count: the number of secrets that will work afterwards. silent: suggested for removal if these are many."""

    line: Lifeline
    ends_at: datetime
    is_at_once: bool
    uses: list[Use]
    count: int
    silent: Silent | None


def plan_rotation(client: Client, secrets: Sequence[ClientSecret], *, ends_at: datetime, new_ends_at: datetime | None, now: datetime, zone: tzinfo) -> Plan:
    """secrets: the usable ones, newest first. ends_at: their expiry. new_ends_at: the new secret's, None for never."""
    ends = {secret.secret_id: min(secret.expires_at or ends_at, ends_at) for secret in secrets}
    spans = [_old(secret, ends[secret.secret_id], at=ends_at, is_newest=secret is secrets[0], now=now, zone=zone) for secret in secrets]
    new = Span("", "New secret", "Shown once, on the next page", now, new_ends_at)
    line = lifeline.draw([*spans, new], lifeline.axis_until(ends_at, now=now, zone=zone), now=now, zone=zone)
    addresses = addresses_by_credential(client, since=now - impact.IN_USE)
    working = sum(1 for end in ends.values() if end > now) + 1
    return Plan(
        line=replace(line, sentence=_say(secrets, ends, new_ends_at, now=now, zone=zone)),
        ends_at=ends_at,
        is_at_once=ends_at <= now,
        uses=[Use(secret, addresses[secret.secret_id], ends[secret.secret_id]) for secret in secrets if secret.secret_id in addresses],
        count=working,
        silent=_find_silent(secrets, now) if working >= MANY else None,
    )


def _old(secret: ClientSecret, end: datetime, *, at: datetime, is_newest: bool, now: datetime, zone: tzinfo) -> Span:
    note = "Current secret" if is_newest else secret.name or f"Made {moment.say_day(secret.created_at, now=now, zone=zone)}"
    text = "ends now" if end <= now else "" if end == at else None
    return Span("Secret", secret.secret_id, note, secret.created_at, end, overlap_from=now, text=text)


def _say(secrets: Sequence[ClientSecret], ends: dict[str, datetime], new_ends_at: datetime | None, *, now: datetime, zone: tzinfo) -> str:
    new = "and never expires" if new_ends_at is None else f"until {moment.say_date(new_ends_at, now=now, zone=zone, with_year=True)}"
    return " ".join([*(_say_old(secret, ends[secret.secret_id], now=now, zone=zone) for secret in secrets), f"The new secret works from now {new}."])


def _say_old(secret: ClientSecret, end: datetime, *, now: datetime, zone: tzinfo) -> str:
    if end <= now:
        return f"The current secret {secret.secret_id} stops working at once."
    return f"The current secret {secret.secret_id} keeps working until {moment.say_day(end, now=now, zone=zone)}."


def _find_silent(secrets: Iterable[ClientSecret], now: datetime) -> Silent | None:
    """The secret that was used longest ago, if that was long ago; a secret that was never used counts from its creation."""
    since = {secret: secret.last_used_at or secret.created_at for secret in secrets}
    oldest = min(since, key=lambda secret: since[secret])
    if now - since[oldest] < _SILENT:
        return None
    return Silent(oldest, "" if oldest.last_used_at is None else moment.say_length(now - since[oldest]))


def plan_extension(client: Client, secret: ClientSecret, others: Sequence[ClientSecret], *, ends_at: datetime, now: datetime, zone: tzinfo) -> Plan:
    """secret: one that expires. others: the client's other usable secrets. ends_at: when it would expire."""
    present = secret.expires_at or ends_at
    spans = [
        replace(span, longer_until=ends_at, text="") if span.label == secret.secret_id else span
        for span in lifeline.spans_of([secret, *others], now=now, zone=zone)
    ]
    line = lifeline.draw(spans, lifeline.axis_until(ends_at, now=now, zone=zone), now=now, zone=zone)
    was, will = (moment.say_day(end, now=now, zone=zone) for end in (present, ends_at))
    addresses = addresses_by_credential(client, since=now - impact.IN_USE).get(secret.secret_id, [])
    return Plan(
        line=replace(line, sentence=f"Secret {secret.secret_id} would work until {will} instead of {was}."),
        ends_at=ends_at,
        is_at_once=False,
        uses=[Use(secret, addresses, ends_at)] if addresses else [],
        count=len(others) + 1,
        silent=None,
    )
