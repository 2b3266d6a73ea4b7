"""GET /healthz and /readyz."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone

from oauth.models import SigningKey
from tests import factories

READY = {"status": "ready", "checks": {"database": "ok", "migrations": "ok", "signing_key": "ok", "cache": "ok"}}


def unavailable(*names):
    checks = {name: "unavailable" if name in names else "ok" for name in READY["checks"]}
    return {"status": "unavailable", "checks": checks}


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
class TestReadiness:
    @pytest.mark.usefixtures("signing_key")
    def test_everything_there_is_ready(self, browser):
        response = browser.get("/readyz")
        assert (response.status_code, response.json()) == (200, READY)

    def test_without_signing_key_it_is_unavailable(self, browser):
        response = browser.get("/readyz")
        assert (response.status_code, response.json()) == (503, unavailable("signing_key"))

    @pytest.mark.usefixtures("signing_key")
    def test_a_signing_key_that_cant_be_opened_is_none(self, browser, settings):
        settings.KEY_ENCRYPTION_KEYS = ["another-key-" + "2" * 40]
        assert browser.get("/readyz").json() == unavailable("signing_key")

    @pytest.mark.usefixtures("signing_key")
    def test_a_missing_migration_makes_it_unavailable(self, browser):
        row = MigrationRecorder(connection).migration_qs.get(app="oauth", name="0001_initial")
        row.delete()
        try:
            assert browser.get("/readyz").json() == unavailable("migrations")
        finally:
            row.save(force_insert=True)

    @pytest.mark.usefixtures("signing_key")
    def test_a_migration_of_a_newer_version_does_no_harm(self, browser):
        row = MigrationRecorder(connection).migration_qs.create(app="oauth", name="9999_from_the_future", applied=timezone.now())
        assert browser.get("/readyz").json() == READY
        row.delete()

    @pytest.mark.usefixtures("signing_key")
    def test_a_dead_cache_makes_it_unavailable(self, browser, settings):
        settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}}
        assert browser.get("/readyz").json() == unavailable("cache")

    def test_asking_writes_nothing(self, browser):
        browser.get("/readyz")
        assert not SigningKey.objects.exists()

    def test_it_recovers(self, browser):
        assert browser.get("/readyz").status_code == 503
        factories.create_signing_key()
        assert browser.get("/readyz").status_code == 200


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


def test_a_database_that_hangs_is_told_within_three_seconds():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgres://user:hunter2@127.0.0.1:{silent.getsockname()[1]}/tokenos?connect_timeout=10"
        environment = {**os.environ, "DATABASE_URL": url}
        root = Path(__file__).resolve().parents[2]
        done = subprocess.run([sys.executable, "-c", ASK], env=environment, cwd=root, capture_output=True, text=True, timeout=30, check=True)
    first, second, seconds = done.stdout.splitlines()
    assert first == second
    assert first.startswith("503 ")
    assert '"database": "unavailable"' in first
    assert '"cache": "ok"' in first
    assert "127.0.0.1" not in first
    assert float(seconds) < 6
    assert "hunter2" not in done.stderr
