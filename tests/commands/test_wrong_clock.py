"""A process with a wrong clock deletes nothing, does no background work, and says so."""

import json
import re
import shutil
from datetime import timedelta

import pytest
from django.utils import timezone

from dashboard.background import schedule
from dashboard.models import ScheduledJob
from oauth.database_clock import ClockReading
from oauth.services import ANNOUNCEMENT
from tests.commands.conftest import Shell
from tests.faked_clock import faked_clock

pytestmark = pytest.mark.program

# Seconds that a process takes between two looks, and by which the kernel rounds.
WITHIN = 5


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def found(request, tmp_path_factory):
    """What the program found in a separate process."""
    shell = Shell(tmp_path_factory.mktemp("wrong-clock"))
    url = request.getfixturevalue("make_tables")() if request.param == "postgresql" else ""
    if not url:
        shutil.copy(request.getfixturevalue("prepared_database"), shell.data_dir / "tokenos.sqlite3")
    done = shell("shell", "-v0", "-c", "import tests.commands.wrong_clock", DATABASE_URL=url, **faked_clock(shell.data_dir / "clock"))
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


REFUSAL = r"The clock of this process is ([\d,]+) s {} the database's\. Nothing was removed\. Synchronise both machines with NTP, then run the command again\."


@pytest.mark.parametrize(("seconds", "direction"), [(3600, "ahead of"), (10800, "ahead of"), (-3600, "behind")])
def test_it_removes_nothing_claims_nothing_and_says_why(found, seconds, direction):
    work = found[str(seconds)]
    ahead, refusal = work.pop("ahead"), work.pop("pruned")
    assert abs(ahead - seconds) <= WITHIN
    said = re.fullmatch(REFUSAL.format(direction), refusal)
    assert said, refusal
    assert abs(int(said[1].replace(",", "")) - abs(seconds)) <= WITHIN
    assert said[1] == f"{int(said[1].replace(',', '')):,}"
    assert work == {"claimed": 0, "keys": 1, "marks": 1, "revoked": 1}


def test_one_that_is_off_by_less_than_the_bound_works_by_the_database_s_clock(found):
    assert abs(found["55"].pop("ahead") - 55) <= WITHIN
    assert found["55"] == {"claimed": 8, "keys": 1, "marks": 1, "revoked": 1, "pruned": 0}
    assert found["0"]["ahead"] == pytest.approx(0, abs=1)


def test_signing_keys_made_by_hand_begin_by_the_database_s_clock(found):
    """Otherwise nodes with a correct clock would wait too long before they sign with it, or sign before APIs have it."""
    assert found["announced"] == [pytest.approx(ANNOUNCEMENT.total_seconds(), abs=WITHIN)] * 2
    assert found["replaced"] == pytest.approx(0, abs=WITHIN)


@pytest.mark.django_db
def test_a_turn_that_a_wrong_clock_has_put_off_is_taken_at_once():
    now = timezone.now()
    ScheduledJob.objects.create(name="prune", next_run_at=now + timedelta(days=30))
    assert ScheduledJob.objects.claim("prune", now=now, every=timedelta(hours=1))
    assert not ScheduledJob.objects.claim("prune", now=now, every=timedelta(hours=1))


@pytest.mark.django_db
def test_the_log_says_it_each_minute(monkeypatch, caplog):
    monkeypatch.setattr(schedule, "read_clocks", lambda: ClockReading(timezone.now(), timedelta(seconds=-90)))
    schedule.check_clock()
    said = (
        "The clock of this process is 90 s behind the database's. This process removes nothing, and leaves background work to others. "
        "Synchronise both machines with NTP."
    )
    assert caplog.messages == [said]
    monkeypatch.undo()
    schedule.check_clock()
    assert caplog.messages == [said]
