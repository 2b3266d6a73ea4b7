"""GET /healthz and /readyz."""

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client, override_settings
from django.utils import timezone

from dashboard.health import readiness
from dashboard.models import ScheduledJob
from oauth.database_clock import ClockReading
from oauth.log_quota import LogQuota
from oauth.models import SigningKey
from tests import factories

PARTS = {"database": "ok", "migrations": "ok", "signing_key": "ok", "clock": "ok", "writes": "ok", "cache": "ok"}


@pytest.fixture(autouse=True)
def _look_anew(monkeypatch):
    """Another test's result isn't reused, and its lines don't count."""
    monkeypatch.setattr(readiness, "_runs", {})
    monkeypatch.setattr(readiness, "_lines", LogQuota(seconds=60, lines=60, of_one=1))


def states(response):
    return {name: part["status"] for name, part in response.json()["checks"].items()}


def assert_unavailable(response, part, problem):
    """Retry-After: RFC 9110 §10.2.3."""
    assert (response.status_code, response.json()["status"], response["Retry-After"]) == (503, "unavailable", "2")
    assert states(response) == PARTS | {part: "unavailable"}
    assert response.json()["checks"][part]["problem"] == problem


def assert_degraded(response, part, problem):
    assert (response.status_code, response.json()["status"], states(response)) == (200, "degraded", PARTS | {part: "degraded"})
    assert response.json()["checks"][part]["problem"] == problem


def test_healthz_needs_no_database(browser):
    response = browser.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert response["Cache-Control"] == "no-store"
    assert response["X-Request-Id"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_only_reading_is_possible(browser, path):
    assert browser.post(path).status_code == 405


def test_probes_may_come_by_address_and_in_clear_text():
    assert Client(headers={"host": "10.1.2.3:8443"}).get("/healthz").status_code == 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("signing_key")
class TestReadiness:
    def test_everything_there_is_ready_and_says_how_long_it_took_and_when(self, browser, monkeypatch):
        """A migration of a newer version does no harm."""
        MigrationRecorder(connection).migration_qs.create(app="oauth", name="9999_from_the_future", applied=timezone.now())
        try:
            response = browser.get("/readyz")
        finally:
            MigrationRecorder(connection).migration_qs.filter(name="9999_from_the_future").delete()
        content = response.json()
        assert (response.status_code, content["status"], states(response)) == (200, "ready", PARTS)
        assert "Retry-After" not in response
        assert all(0 < part["ms"] < 2500 for part in content["checks"].values())
        assert abs(datetime.fromisoformat(content["at"]) - timezone.now()) < timedelta(minutes=1)
        # Each request is a new look, but at whether the database can be written to only after ten seconds.
        again = []
        for seconds in range(2, 9):
            monkeypatch.setattr(readiness, "monotonic", lambda seconds=seconds: time.monotonic() + seconds)
            again.append(browser.get("/readyz").json()["checks"])
        assert all(checks["writes"] == content["checks"]["writes"] for checks in again)
        assert any(checks["database"] != content["checks"]["database"] for checks in again)

    def test_without_signing_key_that_it_can_open_or_a_migration_it_is_unavailable_and_recovers_at_once(self, browser):
        with override_settings(KEY_ENCRYPTION_KEYS=["another-key-" + "2" * 40]):
            assert_unavailable(browser.get("/readyz"), "signing_key", "locked")
        row = MigrationRecorder(connection).migration_qs.get(app="oauth", name="0001_initial")
        row.delete()
        try:
            assert_unavailable(browser.get("/readyz"), "migrations", "missing")
        finally:
            row.save(force_insert=True)
        SigningKey.objects.all().delete()
        assert_unavailable(browser.get("/readyz"), "signing_key", "missing")
        # Asking writes nothing.
        assert not SigningKey.objects.exists()
        factories.create_signing_key()
        assert browser.get("/readyz").status_code == 200

    def test_five_requests_a_second_are_a_new_look_and_more_get_the_last_result(self, browser, monkeypatch):
        looks = []
        check = readiness.Check("cache", lambda: looks.append(time.monotonic()))
        monkeypatch.setattr(readiness, "GROUPS", (readiness.Group((check,)),))
        for _ in range(30):
            assert browser.get("/readyz").status_code == 200
        assert 5 <= len(looks) <= 5 * (looks[-1] - looks[0] + 1)
        monkeypatch.setattr(readiness, "monotonic", lambda: time.monotonic() + 1)
        before = len(looks)
        browser.get("/readyz")
        assert len(looks) == before + 1

    @pytest.mark.long
    def test_without_a_cache_that_keeps_something_it_is_degraded_for_tokens_go_on_and_the_log_says_so_once_a_minute(self, browser, settings, caplog):
        settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}}
        assert_degraded(browser.get("/readyz"), "cache", "unreachable")
        settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
        for _ in range(3):
            assert_degraded(browser.get("/readyz"), "cache", "forgets")
        assert [record.problem for record in caplog.records if record.name == "tokenos.health"] == ["unreachable", "forgets"]

    @pytest.mark.long
    @pytest.mark.skipif(connection.vendor != "sqlite", reason="a pragma of SQLite, which has one writer at a time")
    def test_a_database_that_only_reads_or_that_another_program_locks_is_degraded_and_recovers(self, browser, monkeypatch):
        ScheduledJob.objects.create(name="prune", next_run_at=timezone.now())
        options = connection.settings_dict["OPTIONS"]
        with monkeypatch.context() as patch:
            patch.setitem(options, "init_command", f"{options['init_command']} PRAGMA query_only = ON;")
            assert_degraded(browser.get("/readyz"), "writes", "read_only")
        with closing(sqlite3.connect(connection.settings_dict["NAME"])) as writer:
            writer.execute("BEGIN IMMEDIATE")
            assert_degraded(browser.get("/readyz"), "writes", "locked")
        assert browser.get("/readyz").json()["status"] == "ready"

    @pytest.mark.parametrize("seconds", [3600, -61])
    def test_a_clock_that_is_off_is_degraded_for_nobody_knows_which_is_right(self, browser, monkeypatch, caplog, seconds):
        monkeypatch.setattr(readiness, "read_clocks", lambda: ClockReading(timezone.now(), timedelta(seconds=seconds)))
        assert_degraded(browser.get("/readyz"), "clock", "off")
        assert f"{abs(seconds):,} s {'ahead of' if seconds > 0 else 'behind'} the database's. Synchronise both machines with NTP." in caplog.text


ASK = """
import time, django
django.setup()
from django.test import Client
began = time.monotonic()
for _ in range(2):
    response = Client(headers={"host": "localhost"}).get("/readyz")
    print(response.status_code, response.content.decode())
print(time.monotonic() - began)
"""


@pytest.mark.program
def test_a_database_that_hangs_is_told_within_three_seconds():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgres://user:hunter2@127.0.0.1:{silent.getsockname()[1]}/tokenos?connect_timeout=10"
        environment = {**os.environ, "DATABASE_URL": url}
        root = Path(__file__).resolve().parents[2]
        done = subprocess.run([sys.executable, "-c", ASK], env=environment, cwd=root, capture_output=True, text=True, timeout=30, check=True)
    first, second, seconds = done.stdout.splitlines()
    for line in (first, second):
        status, content = line.split(" ", 1)
        checks = json.loads(content)["checks"]
        assert (status, checks["database"]["status"], checks["database"]["problem"], checks["cache"]["status"]) == ("503", "unavailable", "no_answer", "ok")
    assert "127.0.0.1" not in first
    assert float(seconds) < 6
    assert "hunter2" not in done.stderr
