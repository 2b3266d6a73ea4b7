"""The clock that all processes share: PostgreSQL's, or with SQLite the kernel's. A process with another clock is in test_wrong_clock."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from oauth import database_clock
from oauth.database_clock import CLOCK_MARGIN, MAX_CLOCK_DIFFERENCE, ClockReading, read_clocks


def test_within_a_transaction_the_time_goes_on(db):
    first = read_clocks()
    assert read_clocks().now > first.now
    assert first.ahead == timedelta()


@pytest.mark.parametrize("content", [None, "cpu 1 2 3\n"])
def test_if_the_system_shows_no_clock_there_is_only_the_process_s_own(db, tmp_path, monkeypatch, content):
    if content is not None:
        (tmp_path / "stat").write_text(content)
    monkeypatch.setattr(database_clock, "_BOOTED_AT", tmp_path / "stat")
    begun = datetime.now(UTC)
    reading = read_clocks()
    assert begun <= reading.now <= datetime.now(UTC)
    assert reading.ahead == timedelta()


def test_the_kernel_s_clock_counts_where_the_process_s_is_another(db, tmp_path, monkeypatch):
    booted_at = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    (tmp_path / "stat").write_text(f"cpu 1 2 3\nbtime {int(booted_at) - 1800}\n")
    monkeypatch.setattr(database_clock, "_BOOTED_AT", tmp_path / "stat")
    reading = read_clocks()
    assert reading.is_off
    assert reading.ahead.total_seconds() == pytest.approx(1800, abs=5)
    assert (datetime.now(UTC) - reading.now).total_seconds() == pytest.approx(1800, abs=5)


@pytest.mark.parametrize(("seconds", "is_off"), [(0, False), (60, False), (-60, False), (61, True), (-61, True)])
def test_the_bound_is_a_minute_both_ways(now, seconds, is_off):
    assert ClockReading(now, timedelta(seconds=seconds)).is_off is is_off


@pytest.mark.parametrize(("seconds", "said"), [(3600, "3,600 s ahead of"), (-90, "90 s behind")])
def test_the_difference_is_said_with_its_direction(now, seconds, said):
    assert str(ClockReading(now, timedelta(seconds=seconds))) == f"The clock of this process is {said} the database's."


def test_two_processes_within_the_bound_differ_by_the_margin_at_most():
    assert timedelta(minutes=2) == CLOCK_MARGIN == 2 * MAX_CLOCK_DIFFERENCE
