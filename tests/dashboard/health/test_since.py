"""Since when a part has its state: the same in every worker."""

from datetime import timedelta

import pytest
from django.utils import timezone

from dashboard.health import since

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def folder(tmp_path, settings, monkeypatch):
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(since, "_memory", {})
    monkeypatch.setattr(since, "_looked_at", None)
    return tmp_path


@pytest.fixture
def first():
    return timezone.now()


@pytest.fixture
def another_worker(monkeypatch):
    """Continue as a worker that has seen nothing yet."""

    def begin():
        monkeypatch.setattr(since, "_memory", {})
        monkeypatch.setattr(since, "_looked_at", None)

    return begin


def look(state, at):
    return since.remember({"clock": state}, now=at)["clock"]


def test_it_stays_while_the_state_does(first):
    assert look("bad", first) == look("bad", first + MINUTE) == first
    assert look("good", first + 2 * MINUTE) == first + 2 * MINUTE


def test_another_worker_knows_it(first, another_worker):
    look("bad", first)
    another_worker()
    assert look("bad", first + MINUTE) == first


def test_what_nobody_looked_at_for_an_hour_counts_from_now_on(first):
    look("bad", first)
    assert look("bad", first + 61 * MINUTE) == first + 61 * MINUTE


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{", '{"looked_at": 1}', '{"looked_at": "2026-11-24T00:00:00+00:00", "states": {"clock": "x"}}', '{"looked_at": "2026-11-24", "states": {}}'],
)
def test_a_file_that_is_invalid_fails_nothing(first, folder, content):
    (folder / "health.json").write_text(content)
    assert look("bad", first) == first
    assert look("bad", first + MINUTE) == first


def test_if_the_file_cant_be_written_each_worker_knows_what_it_saw(first, folder, settings):
    settings.DATA_DIR = folder / "nowhere"
    assert look("bad", first) == look("bad", first + MINUTE) == first
    assert look("bad", first + 90 * MINUTE) == first + 90 * MINUTE


def test_nothing_but_the_file_is_left(first, folder):
    look("bad", first)
    assert [path.name for path in folder.iterdir()] == ["health.json"]
