"""Makes usage in bulk, for measuring: as much as a workspace's clients make in some days. A few clients are busy; most make a few requests a day."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from clients.models import AddressUse, Client, ResponseTime, ScopeUse, UsageBucket, Workspace, WorkspaceUsage
from clients.outcomes import GRANTED
from clients.periods import HOUR, PERIODS, floor_hour
from clients.services import audit
from clients.services.activity import correct_counts
from clients.services.audit import Actor
from clients.services.benchmark import fill, large_cache
from clients.services.upsert import add_up

MAX_DAYS = 400

# The number of clients that make requests every hour; the hours of a day in which the others do; one in this many clients is refused once a day.
_BUSY = 100
_HOURS = 4
_REFUSED_EVERY = 10
_REASONS = ("scope_not_allowed", "wrong_secret", "secret_expired", "assertion_replayed")


def seed_usage(*, workspace: Workspace, days: int, actor: Actor, now: datetime) -> None:
    """Make usage up to now for every client of the workspace that has none yet."""
    clients = list(Client.objects.filter(workspace=workspace, usage__isnull=True).order_by("pk"))
    hours = [floor_hour(now) - number * HOUR for number in range(days * 24)][::-1]
    with transaction.atomic(), large_cache():
        totals: defaultdict[tuple[str, datetime], int] = defaultdict(int)
        fill(UsageBucket(endpoint="token", hour=now, count=0), _buckets(clients, hours, totals), has_keys=False)
        fill(AddressUse(day=now.date(), last_used_at=now, count=0), _addresses(clients, hours), has_keys=False)
        fill(ScopeUse(day=now.date(), granted=0, asked=0), _scopes(clients, hours), has_keys=False)
        sums = sorted((workspace.pk, "live", "token", outcome, hour, count) for (outcome, hour), count in totals.items())
        add_up(WorkspaceUsage, sums, by=("workspace_id", "environment", "endpoint", "outcome", "hour"), sums=("count",))
        ResponseTime.objects.bulk_create(_times(hours), ignore_conflicts=True)
        audit.record("usage.seeded", workspace=workspace, actor=actor, target_type="workspace", target_id=workspace.slug, now=now, after={"days": days})
    for period in PERIODS.values():
        correct_counts(period, now=now)


def _is_active(number: int, hour: datetime) -> bool:
    return number < _BUSY or (hour.hour + number) % (24 // _HOURS) == 0


def _count(number: int) -> int:
    """The number of requests. A few clients have most of the usage."""
    return 1 + 20_000 // (number + 1)


def _credential(client: Client) -> str:
    return f"seeded{client.pk}"


def _buckets(clients: list[Client], hours: list[datetime], totals: dict[tuple[str, datetime], int]) -> Iterator[dict[str, Any]]:
    for hour in hours:
        adapted = connection.ops.adapt_datetimefield_value(hour)
        for number, client in enumerate(clients):
            if _is_active(number, hour):
                totals[GRANTED, hour] += _count(number)
                yield {"client_id": client.pk, "credential": _credential(client), "outcome": GRANTED, "hour": adapted, "count": _count(number)}
            if number % _REFUSED_EVERY == 0 and hour.hour == number % 24:
                reason = _REASONS[number // _REFUSED_EVERY % len(_REASONS)]
                totals[reason, hour] += 3
                yield {"client_id": client.pk, "credential": "", "outcome": reason, "hour": adapted, "count": 3}


def _days(hours: list[datetime]) -> list[date]:
    return sorted({hour.date() for hour in hours})


def _addresses(clients: list[Client], hours: list[datetime]) -> Iterator[dict[str, Any]]:
    for day in _days(hours):
        for number, client in enumerate(clients):
            address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
            use = {"client_id": client.pk, "credential": _credential(client), "address": address, "count": _count(number) * _HOURS}
            yield use | {"day": connection.ops.adapt_datefield_value(day)}


def _scopes(clients: list[Client], hours: list[datetime]) -> Iterator[dict[str, Any]]:
    for day in _days(hours):
        for number, client in enumerate(clients):
            for scope in client.scopes:
                counts = {"granted": _count(number) * _HOURS, "asked": _count(number)}
                yield {"client_id": client.pk, "scope": scope, "day": connection.ops.adapt_datefield_value(day), **counts}


def _times(hours: list[datetime]) -> Iterator[ResponseTime]:
    for hour in hours:
        for minute in range(0, 60, 5):
            for limit, count in ((5, 300), (10, 60), (25, 20), (40, 8), (100, 1)):
                yield ResponseTime(slot=hour + timedelta(minutes=minute), endpoint="token", limit_ms=limit, is_failure=False, count=count)
