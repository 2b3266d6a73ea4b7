"""Corrects the counts of ClientActivity: subtracts requests that have become too old. Only wrong rows are locked and written."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q, Sum

from clients.models import ClientActivity, UsageBucket
from clients.outcomes import GRANTED
from clients.periods import Period

_BATCH = 500

Counts = dict[int, tuple[int, int]]


def correct_counts(period: Period, *, now: datetime) -> int:
    """Correct one period's counts for all clients. Returns how many clients had wrong ones."""
    right: Counts = {}
    clients = list(ClientActivity.objects.order_by("client_id").values_list("client_id", flat=True))
    # It works in slices: with a hundred thousand clients, one statement over a month would exceed the database's time limit.
    for first in range(0, len(clients), _BATCH):
        right |= _count(period, clients[first : first + _BATCH], now=now)
    kept = _kept(period)
    wrong = sorted(client for client in right.keys() | kept.keys() if right.get(client, (0, 0)) != kept.get(client, (0, 0)))
    for first in range(0, len(wrong), _BATCH):
        _write(wrong[first : first + _BATCH], period, now=now)
    return len(wrong)


def _count(period: Period, clients: list[int], *, now: datetime) -> Counts:
    rows = UsageBucket.objects.filter(client__in=clients, hour__gte=period.begins_at(now), endpoint="token")
    granted = Q(outcome=GRANTED)
    sums = rows.values("client_id").annotate(granted=Sum("count", filter=granted, default=0), refused=Sum("count", filter=~granted, default=0)).order_by()
    return {row["client_id"]: (row["granted"], row["refused"]) for row in sums}


def _kept(period: Period) -> Counts:
    """The stored counts, without clients whose counts are all zero."""
    granted, refused = _columns(period)
    rows = ClientActivity.objects.filter(Q(**{f"{granted}__gt": 0}) | Q(**{f"{refused}__gt": 0}))
    return {client: (left, right) for client, left, right in rows.values_list("client_id", granted, refused)}


def _write(clients: list[int], period: Period, *, now: datetime) -> None:
    """Count again while the rows are locked, because a flush may have added to both meanwhile."""
    granted, refused = _columns(period)
    with transaction.atomic():
        locked = list(ClientActivity.objects.select_for_update().filter(client__in=clients).order_by("client_id"))
        right = _count(period, clients, now=now)
        for activity in locked:
            counts = right.get(activity.client_id, (0, 0))
            setattr(activity, granted, counts[0])
            setattr(activity, refused, counts[1])
        ClientActivity.objects.bulk_update(locked, [granted, refused])


def _columns(period: Period) -> tuple[str, str]:
    return f"granted_{period.name}", f"refused_{period.name}"
