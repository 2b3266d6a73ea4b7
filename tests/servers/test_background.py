"""The thread of each worker process writes usage every two seconds and reads certificates. One process an hour prunes and rotates the signing key.

Only stop() ends the thread.
"""

import asyncio
import logging
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

from clients.models import ClientActivity
from dashboard.background import schedule, start, stop
from dashboard.instance import server_certificate
from dashboard.models import ScheduledJob
from oauth.models import SigningKey
from tests import factories
from tests.servers.conftest import Server


@pytest.mark.django_db(transaction=True)
def test_only_one_process_an_hour_prunes() -> None:
    now = datetime.now(UTC)
    assert ScheduledJob.objects.claim("prune", now=now, every=schedule.PRUNE_EVERY)
    assert not ScheduledJob.objects.claim("prune", now=now + timedelta(minutes=59), every=schedule.PRUNE_EVERY)
    assert ScheduledJob.objects.claim("prune", now=now + timedelta(minutes=60), every=schedule.PRUNE_EVERY)


@pytest.mark.django_db(transaction=True)
def test_pruning_when_it_is_due_runs_once() -> None:
    schedule.prune_if_due()
    first = ScheduledJob.objects.get(name="prune").next_run_at
    schedule.prune_if_due()
    assert ScheduledJob.objects.get(name="prune").next_run_at == first


@pytest.mark.django_db(transaction=True)
def test_signing_key_that_is_due_gets_one_successor_an_hour_at_most(caplog: pytest.LogCaptureFixture) -> None:
    old = factories.create_signing_key()
    past = datetime.now(UTC) - timedelta(days=91)
    SigningKey.objects.update(created_at=past, activates_at=past)
    with caplog.at_level(logging.INFO):
        schedule.rotate_signing_key_if_due()
        schedule.rotate_signing_key_if_due()
    new = SigningKey.objects.exclude(pk=old.pk).get()
    assert caplog.messages == [f"Announced the signing key {new.kid}, which signs from {new.activates_at.isoformat()} on"]
    SigningKey.objects.update(created_at=past, activates_at=past)
    schedule.rotate_signing_key_if_due()
    assert SigningKey.objects.count() == 2
    ScheduledJob.objects.update(next_run_at=past)
    schedule.rotate_signing_key_if_due()
    assert SigningKey.objects.count() == 3
    ScheduledJob.objects.update(next_run_at=past)
    schedule.rotate_signing_key_if_due()
    assert SigningKey.objects.count() == 3


def test_work_that_fails_is_logged_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> None:
        raise RuntimeError("the disk is full")

    with caplog.at_level(logging.ERROR):
        schedule.attempt(broken)
    assert "broken" in caplog.text
    assert "the disk is full" in caplog.text


def test_work_that_the_database_fails_says_in_one_line_why_and_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise OperationalError("database or disk is full")

    assert schedule.attempt(fail) is False
    [line] = [record for record in caplog.records if record.name == "tokenos.background"]
    assert line.exc_info is None
    assert line.__dict__["reason"] == "The database's disk is full. Free some space on it. Nothing needs a restart."


def test_certificate_is_renewed(settings: Any, tmp_path: Path) -> None:
    settings.TLS, settings.DATA_DIR, settings.ISSUER_URL = True, tmp_path, "https://tokens.example.com"
    schedule.renew_certificate()
    first = (tmp_path / "tls" / "server.pem").read_bytes()
    schedule.renew_certificate()
    assert (tmp_path / "tls" / "server.pem").read_bytes() == first
    assert server_certificate.renew(tmp_path / "tls", "tokens.example.com") is None


@pytest.mark.django_db(transaction=True)
def test_stop_waits_for_the_last_flush() -> None:
    start()
    begun = time.monotonic()
    stop()
    assert time.monotonic() - begun < schedule.FLUSH_SECONDS
    stop()


def test_usage_is_written_while_serving(server: Server) -> None:
    workspace = server.manage("create_workspace", "busy")["workspace"]
    client = server.manage("create_client", "--workspace", workspace, "--name", "Robot")
    credentials = (client["client_id"], client["client_secret"])
    for _ in range(10):
        assert server.post("/oauth2/token", auth=credentials, data={"grant_type": "client_credentials"}).status_code == 200
    last = time.monotonic() + 10
    while server.count_usage(client["client_id"]) < 10 and time.monotonic() < last:
        time.sleep(0.2)
    assert server.count_usage(client["client_id"]) == 10


def test_a_few_requests_are_written_at_once_so_that_people_can_watch_them(server: Server) -> None:
    client = server.manage("create_client", "--workspace", server.manage("create_workspace", "calm")["workspace"], "--name", "Robot")
    waited = []
    for _ in range(4):
        before = server.count_usage(client["client_id"])
        assert server.post("/oauth2/token", auth=(client["client_id"], client["client_secret"]), data={"grant_type": "client_credentials"}).status_code == 200
        begun = time.monotonic()
        while server.count_usage(client["client_id"]) == before:
            assert time.monotonic() - begun < 10
            time.sleep(0.05)
        waited.append(time.monotonic() - begun)
    assert sorted(waited)[1] < schedule.FLUSH_SECONDS / 2


@pytest.mark.django_db(transaction=True)
def test_counts_of_days_are_corrected_every_five_minutes_and_the_others_every_hour() -> None:
    client = factories.create_client(factories.create_workspace("demo")).secret.client
    for job, name in ((schedule.sum_up_day_if_due, "24h"), (schedule.sum_up_week_and_month_if_due, "7d"), (schedule.sum_up_week_and_month_if_due, "30d")):
        ScheduledJob.objects.all().delete()
        rows = ClientActivity.objects.filter(client=client)
        rows.update(**{f"granted_{name}": 5})
        job()
        assert rows.values_list(f"granted_{name}", flat=True).get() == 0
        rows.update(**{f"granted_{name}": 5})
        job()
        assert rows.values_list(f"granted_{name}", flat=True).get() == 5


def test_application_takes_part_in_the_lifespan_of_other_servers(settings: Any) -> None:
    settings.STATIC_ROOT.mkdir(exist_ok=True)
    from dashboard.asgi import application

    events = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[Any] = []

    async def receive() -> Any:
        return events.pop(0)

    async def send(event: Any) -> None:
        sent.append(event["type"])

    asyncio.run(application({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
