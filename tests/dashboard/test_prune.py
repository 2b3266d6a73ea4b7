"""Removing old rows never holds the database's lock for long: large tables are pruned in slices, and others write in between."""

import pytest
from django.db import connection

from clients.services import retention
from clients.services.retention import delete_in_batches
from oauth.models import FailureCount
from tests.dashboard.prune_in_slices import prune_in_slices


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch):
    monkeypatch.setattr(retention, "_BATCH", 2)


def in_slices(answer):
    assert len(answer) == 9
    assert {name: tuple(counts) for name, counts in answer.items() if tuple(counts) != (2, 5, 1)} == {}


@pytest.mark.django_db
def test_everything_goes_in_slices(now):
    in_slices(prune_in_slices(now))


def test_everything_goes_in_slices_on_postgresql(run_on_postgresql):
    in_slices(run_on_postgresql("tests.dashboard.prune_in_slices"))


@pytest.mark.django_db
def test_a_row_that_is_renewed_while_its_slice_goes_stays():
    for number in range(3):
        FailureCount.objects.create(key=str(number), failures=1, window_ends=10)

    def renew(execute, sql, params, many, context):
        if sql.startswith("DELETE"):
            FailureCount.objects.filter(key="1").update(window_ends=1000)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(renew):
        delete_in_batches(FailureCount.objects.filter(window_ends__lt=100))
    assert list(FailureCount.objects.values_list("key", flat=True)) == ["1"]
