"""Computes the whole instance's response times from counts by limit (clients.models.ResponseTime)."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

from django.db.models import Sum

from clients.models import ResponseTime
from clients.services.gathered import SLOT_SECONDS
from clients.services.usage import LIMITS_MS

SLOT = timedelta(seconds=SLOT_SECONDS)

# Limit in milliseconds → number of requests that took at most that long, and longer than the next smaller limit; 0 stands for longer than the last limit.
Counts = Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Times:
    """The response times within 5 minutes, or a multiple of them. median, p95: in milliseconds, None without requests."""

    begins_at: datetime
    count: int
    median: float | None
    p95: float | None


def measure_times(*, endpoint: str, length: timedelta, now: datetime) -> tuple[list[Times], Times]:
    """The times of each slot up to now, oldest first, including slots without requests; and the times of all slots together."""
    last = _floor(now)
    slots = [last - SLOT * number for number in range(int(length / SLOT))][::-1]
    counted, total = _count(endpoint=endpoint, since=slots[0], until=now), Counter[int]()
    for counts in counted.values():
        total.update(counts)
    return [_measure(slot, counted.get(slot, {})) for slot in slots], _measure(slots[0], total)


@dataclass(frozen=True, slots=True)
class Answers:
    """p95: in milliseconds, None without requests. failures: the number of responses with status 5xx."""

    count: int
    failures: int
    p95: float | None


def sum_answers(*, endpoint: str, since: datetime) -> Answers:
    """The answers in a period of any length, from one row for each limit."""
    rows = ResponseTime.objects.filter(slot__gte=since, endpoint=endpoint).values_list("limit_ms", "is_failure").annotate(answers=Sum("count")).order_by()
    counts, failures = Counter[int](), 0
    for limit, is_failure, count in rows:
        counts[limit] += count
        failures += count if is_failure else 0
    return Answers(counts.total(), failures, percentile(counts, 0.95))


def percentile(counts: Counts, share: float) -> float | None:
    """The milliseconds within which that share of requests was answered, interpolated linearly between two limits. None without requests."""
    total = sum(counts.values())
    if not total:
        return None
    limits, wanted = (*LIMITS_MS, 0), share * total
    reached = list(accumulate(counts.get(limit, 0) for limit in limits))
    index = bisect_left(reached, wanted)
    limit, below, before = limits[index], *((limits[index - 1], reached[index - 1]) if index else (0, 0))
    return below + (limit - below) * (wanted - before) / counts[limit] if limit else float(below)


def _count(*, endpoint: str, since: datetime, until: datetime) -> dict[datetime, dict[int, int]]:
    counted: dict[datetime, dict[int, int]] = {}
    rows = ResponseTime.objects.filter(slot__gte=since, slot__lte=until, endpoint=endpoint).order_by("slot")
    for slot, limit, count in rows.values_list("slot", "limit_ms", "count"):
        of_slot = counted.setdefault(slot, {})
        of_slot[limit] = of_slot.get(limit, 0) + count
    return counted


def _measure(begins_at: datetime, counts: Counts) -> Times:
    return Times(begins_at, sum(counts.values()), percentile(counts, 0.5), percentile(counts, 0.95))


def _floor(moment: datetime) -> datetime:
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (moment - midnight) // SLOT * SLOT
