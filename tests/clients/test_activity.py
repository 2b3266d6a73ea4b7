"""The counts that lists of clients sort by: counted up at once, and down as hours become too old."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clients.models import ClientActivity, UsageBucket
from clients.outcomes import GRANTED
from clients.periods import DAY, MONTH, PERIODS, WEEK, floor_hour
from clients.services import activity, usage
from clients.services.activity import correct_counts
from clients.services.gathered import RefusedKey
from tests import factories
from tests.kept_rows import kept

HOUR = timedelta(hours=1)

pytestmark = pytest.mark.django_db


@pytest.fixture
def client():
    usage._take()
    return kept(lambda: factories.create_client(factories.create_workspace("demo")).secret.client)


def counts(client):
    row = ClientActivity.objects.get(client=client)
    return {name: (getattr(row, f"granted_{name}"), getattr(row, f"refused_{name}")) for name in PERIODS}


def bucket(client, hour, outcome=GRANTED, *, count=1, endpoint="token"):
    UsageBucket.objects.create(client=client, credential="", endpoint=endpoint, outcome=outcome, hour=floor_hour(hour), count=count)


def test_a_new_client_has_none(client):
    row = ClientActivity.objects.get(client=client)
    assert row.workspace == client.workspace
    assert set(counts(client).values()) == {(0, 0)}
    assert (row.last_used_at, row.last_used_from) == (None, None)


def test_each_period_counts_what_its_chart_shows(client, now):
    for period in PERIODS.values():
        bucket(client, period.begins_at(now) - HOUR, count=10)
        bucket(client, period.begins_at(now), "wrong_secret", count=100)
    bucket(client, now, count=1000)
    bucket(client, now, endpoint="gateway", count=5000)
    for period in PERIODS.values():
        correct_counts(period, now=now)
    assert counts(client) == {"24h": (1000, 100), "7d": (1010, 200), "30d": (1020, 300)}


def test_what_has_become_too_old_no_longer_counts(client, now):
    bucket(client, now - 30 * HOUR, count=3)
    bucket(client, now - 30 * HOUR, "wrong_secret", count=2)
    ClientActivity.objects.filter(client=client).update(granted_24h=3, refused_24h=2, granted_7d=3, refused_7d=2)
    assert correct_counts(DAY, now=now) == 1
    assert correct_counts(WEEK, now=now) == 0
    assert counts(client) == {"24h": (0, 0), "7d": (3, 2), "30d": (0, 0)}


def test_nothing_is_written_if_nothing_is_wrong(client, now, django_assert_num_queries):
    bucket(client, now)
    correct_counts(MONTH, now=now)
    with django_assert_num_queries(3):
        assert correct_counts(MONTH, now=now) == 0


def test_usage_that_is_flushed_meanwhile_is_counted_once(client, now, monkeypatch):
    bucket(client, now, count=7)
    count, counted = activity._count, []

    def count_and_be_overtaken(period, clients, *, now):
        found = count(period, clients, now=now)
        counted.append(clients)
        if len(counted) == 1:
            usage.record_refused(RefusedKey(client.pk, client.workspace_id, "live", "", "token", "wrong_secret", int(now.timestamp()) // 3600))
            usage.flush()
        return found

    monkeypatch.setattr(activity, "_count", count_and_be_overtaken)
    correct_counts(DAY, now=now)
    assert counts(client)["24h"] == (7, 1)


def test_many_are_corrected_in_batches_and_no_statement_sums_up_the_usage_of_more_clients(client, now, monkeypatch):
    monkeypatch.setattr(activity, "_BATCH", 2)
    clients = [client, *(factories.create_client(client.workspace).secret.client for _ in range(4))]
    for number, one in enumerate(clients, 1):
        bucket(one, now, count=number)
    with CaptureQueriesContext(connection) as captured:
        assert correct_counts(MONTH, now=now) == 5
    assert [counts(one)["30d"] for one in clients] == [(number, 0) for number in range(1, 6)]
    sums = [query["sql"] for query in captured if "SUM(" in query["sql"]]
    # Once to find what is wrong, and once under the lock.
    assert len(sums) == 3 + 3
    assert all('"client_id" IN (' in sql for sql in sums)
