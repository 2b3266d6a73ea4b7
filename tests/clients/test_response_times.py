"""Percentiles from counts by limit."""

from datetime import UTC, datetime, timedelta

import pytest

from clients.models import ResponseTime
from clients.response_times import measure_times, percentile

NOW = datetime(2026, 11, 24, 12, 7, tzinfo=UTC)
HOUR = timedelta(hours=1)


def create(slot, limit, count, *, endpoint="token", is_failure=False):
    ResponseTime.objects.create(slot=slot, endpoint=endpoint, limit_ms=limit, is_failure=is_failure, count=count)


@pytest.mark.parametrize(
    ("counts", "share", "milliseconds"),
    [
        ({}, 0.5, None),
        ({10: 0}, 0.5, None),
        ({10: 4}, 0.5, 8.5),
        ({10: 4}, 1, 10),
        ({1: 4}, 0.5, 0.5),
        ({5: 50, 10: 50}, 0.5, 5),
        ({5: 50, 10: 50}, 0.9, 9.4),
        ({10: 1, 5: 1}, 0.75, 8.5),
        ({5000: 90, 0: 10}, 0.95, 5000),
        ({0: 1}, 0.5, 5000),
    ],
)
def test_a_share_of_requests_was_answered_within(counts, share, milliseconds):
    assert percentile(counts, share) == milliseconds


def test_an_hour_has_twelve_slots_also_where_nothing_was_asked(db):
    create(NOW.replace(minute=5), 10, 4)
    create(NOW.replace(minute=5), 10, 4, is_failure=True)
    create(NOW.replace(minute=5), 10, 4, endpoint="api")
    create(NOW - timedelta(hours=2), 10, 4)
    slots, _ = measure_times(endpoint="token", length=HOUR, now=NOW)
    assert [slot.begins_at for slot in slots] == [datetime(2026, 11, 24, 11, 10, tzinfo=UTC) + timedelta(minutes=5) * number for number in range(12)]
    assert (slots[-1].count, slots[-1].median) == (8, 8.5)
    assert (slots[0].count, slots[0].median, slots[0].p95) == (0, None, None)


def test_all_of_an_hour_together(db):
    create(NOW.replace(minute=5), 5, 1)
    create(NOW.replace(minute=0), 5, 1)
    create(NOW.replace(hour=11, minute=5), 5, 1)
    _, total = measure_times(endpoint="token", length=HOUR, now=NOW)
    assert (total.count, total.median) == (2, 4)
