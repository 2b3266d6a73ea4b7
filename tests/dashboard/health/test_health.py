"""The page that answers whether it is us."""

import re
import time
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clients.models import AuditEvent, ResponseTime
from dashboard.health import mail_check, parts, report
from dashboard.health import since as health_since
from dashboard.models import ScheduledJob
from oauth.database_clock import ClockReading
from oauth.models import SigningKey
from tests.certificates import pem, self_signed
from tests.dashboard.conftest import age_session, text_of

PAGE = "/w/demo/health/"


@pytest.fixture(autouse=True)
def _measured_anew(monkeypatch, settings):
    monkeypatch.setattr(report, "REUSED_SECONDS", 0)
    (settings.DATA_DIR / "health.json").unlink(missing_ok=True)
    monkeypatch.setattr(health_since, "_memory", {})


@pytest.fixture(autouse=True)
def _well(signing_key, settings):
    settings.TLS = False


def row(response, name):
    """The text of a part's row."""
    rows = re.findall(r"<tr .*?</tr>", response.content.decode(), re.DOTALL)
    return next(text for text in map(text_of, rows) if text.startswith(name))


def verdict(response):
    return text_of(re.search(r'<div class="note (?:ok|warn|bad)">(.*?)</div>\s*</div>', response.content.decode(), re.DOTALL)[1])


def test_all_is_well(adas):
    response = adas.get(PAGE)
    assert verdict(response) == "All is well."
    assert re.match(r"Database Good \w+, [\d.]+ ms for a write, [\d,]+ (kB|MB) 50 ms", row(response, "Database"))
    assert row(response, "Cache").startswith("Cache Good in process")
    assert response["Cache-Control"] == "no-store"


def test_a_viewer_sees_states_and_not_what_was_measured(bens):
    response = bens.get(PAGE)
    assert row(response, "Database") == "Database Good"
    assert "ms for a write" not in text_of(response)
    assert "You are a viewer." in text_of(response)


def test_it_is_renewed_as_a_part_that_tells_states_only(adas):
    response = adas.get(PAGE, headers={"HX-Request": "true"})
    assert "<html" not in response.content.decode()
    assert 'data-tells="All is well"' in response.content.decode()
    assert "HX-Request" in response["Vary"]


def test_a_database_that_cant_be_written_is_said(adas, monkeypatch):
    def fail(**_fields):
        raise OperationalError("attempt to write a readonly database")

    adas.get(PAGE)
    monkeypatch.setattr(ScheduledJob.objects, "update", fail)
    response = adas.get(PAGE)
    assert re.fullmatch(
        r"Tokens are being issued. One thing needs you now: the database is read-only, which stops changes and tokens by private key, since .*",
        verdict(response),
    )
    assert "attempt to write a readonly database" in row(response, "Database")
    assert 'data-tells="Database: Failed"' in response.content.decode()


@pytest.mark.skipif(connection.vendor != "sqlite", reason="a pragma of SQLite")
@pytest.mark.django_db(transaction=True)
def test_a_read_only_database_still_shows_the_page_and_is_said(adas):
    ScheduledJob.objects.create(name="prune", next_run_at=timezone.now() + timedelta(hours=1))
    adas.get(PAGE)
    age_session(adas, hours=1)
    connection.connection.execute("PRAGMA query_only = ON")
    try:
        response = adas.get(PAGE)
    finally:
        connection.connection.execute("PRAGMA query_only = OFF")
    assert response.status_code == 200
    assert "One thing needs you now: the database is read-only" in verdict(response)


@pytest.mark.parametrize(
    ("said", "begins", "fix"),
    [
        ("database or disk is full", "Tokens are being issued. One thing needs you now: the database’s disk is full", "Free some space"),
        ("database is locked", "Tokens are being issued. One thing needs you now: another program has locked the database", "Look for a backup, a shell"),
        ("database disk image is malformed", "Tokens can’t be issued: the database is damaged", "restore the database from a backup"),
        ("the connection is closed", "Tokens can’t be issued: the database can’t be written", "Check that it is running"),
    ],
)
def test_another_failure_of_a_write_is_said_as_such(adas, monkeypatch, said, begins, fix):
    def fail(**_fields):
        raise OperationalError(said)

    monkeypatch.setattr(ScheduledJob.objects, "update", fail)
    response = adas.get(PAGE)
    assert verdict(response).startswith(begins)
    assert fix in row(response, "Database")


def test_a_slow_database_is_said(adas, monkeypatch):
    monkeypatch.setattr(parts, "SLOW_MS", 0)
    assert re.search(r"the database takes [\d.]+ ms for a write; the cache is slow", verdict(adas.get(PAGE)))


def test_without_signing_key_no_tokens_are_issued(adas):
    SigningKey.objects.all().delete()
    response = adas.get(PAGE)
    assert verdict(response).startswith("Tokens can’t be issued: there is no key that signs tokens")
    assert "manage.py rotate_signing_key --now" in row(response, "Signing key")


def test_a_signing_key_that_cant_be_opened_is_said(adas, settings):
    settings.KEY_ENCRYPTION_KEYS = ["another-key-" + "2" * 40]
    assert "the signing key can’t be decrypted" in verdict(adas.get(PAGE))


def test_the_next_rotation_is_said(adas, signing_key):
    assert re.search(rf"{re.escape(signing_key.kid)}, ES256, \d+ s old, next in (89|90) days 90 days", row(adas.get(PAGE), "Signing key"))


def test_a_rotation_that_is_late_is_said(adas, signing_key):
    old = timezone.now() - timedelta(days=100)
    SigningKey.objects.update(created_at=old, activates_at=old)
    assert "One thing needs you soon: the signing key should have been rotated" in verdict(adas.get(PAGE))


def test_keys_that_nobody_rotates_are_no_fault(adas, settings):
    settings.SIGNING_KEY_ROTATION_DAYS = 0
    assert "rotated by hand none" in row(adas.get(PAGE), "Signing key")


def test_a_successor_that_is_announced_is_the_next(adas):
    call_command("rotate_signing_key")
    assert re.search(r"next in (\d+ h|\d+ min|\d+ h \d+ min|2 days)", row(adas.get(PAGE), "Signing key"))


@pytest.mark.parametrize(
    ("days", "state", "said"),
    [(60, "Good", "expires in 5"), (10, "Soon", "expires in 9 days"), (-2, "Expired", "expired 2 days ago")],
)
def test_the_tls_certificate(adas, settings, tmp_path, days, state, said):
    settings.TLS, settings.DATA_DIR = True, tmp_path
    (tmp_path / "tls").mkdir()
    (tmp_path / "tls" / "server.pem").write_text(_certificate(days))
    assert row(adas.get(PAGE), "TLS certificate").startswith(f"TLS certificate {state} {said}")


def _certificate(days):
    now = timezone.now()
    return pem(self_signed(begins=now - timedelta(days=90), ends=now + timedelta(days=days)).certificate)


@pytest.mark.parametrize("content", [None, "nonsense"])
def test_a_missing_or_broken_certificate_is_said(adas, settings, tmp_path, content):
    settings.TLS, settings.DATA_DIR = True, tmp_path
    if content:
        (tmp_path / "tls").mkdir()
        (tmp_path / "tls" / "server.pem").write_text(content)
    assert "there is no TLS certificate" in verdict(adas.get(PAGE))


def test_behind_a_proxy_the_certificate_is_elsewhere(adas):
    assert row(adas.get(PAGE), "TLS certificate").startswith("TLS certificate Elsewhere")


def test_a_clock_behind_what_is_written_is_said(adas):
    AuditEvent.objects.update(created_at=timezone.now() + timedelta(minutes=2))
    assert "s ahead of this clock" in verdict(adas.get(PAGE))


def test_a_clock_off_the_databases_is_said(adas, monkeypatch):
    monkeypatch.setattr(parts, "_compare_clocks", lambda: (7.0, "7,000 ms off the database’s"))
    assert "the clock is 7 s off the database’s, since" in verdict(adas.get(PAGE))


def test_a_clock_so_far_off_that_nothing_is_cleaned_up_is_said(adas, monkeypatch):
    monkeypatch.setattr(parts, "read_clocks", lambda: ClockReading(timezone.now(), timedelta(minutes=2)))
    said = "the clock is 120 s off the database’s, so this process removes nothing and leaves background work to others, since"
    assert said in verdict(adas.get(PAGE))


def test_background_work_that_is_late_is_said(adas):
    ScheduledJob.objects.create(name="rotate_signing_key", next_run_at=timezone.now() - timedelta(hours=3))
    assert "background work doesn’t run: “rotate signing key” is 3 h late" in verdict(adas.get(PAGE))


def test_background_work_in_time_says_when_it_goes_on(adas):
    ScheduledJob.objects.create(name="prune", next_run_at=timezone.now() + timedelta(minutes=20, seconds=30))
    assert "1 job, next in 20 min" in row(adas.get(PAGE), "Background work")


@pytest.mark.parametrize(("free", "word"), [(1024**3, "Soon"), (1024**2, "Full")])
def test_a_full_disk_is_said(adas, monkeypatch, free, word):
    monkeypatch.setattr(parts.shutil, "disk_usage", lambda _path: type("Usage", (), {"free": free}))
    assert row(adas.get(PAGE), "Disk").startswith(f"Disk {word}")


def test_a_data_folder_that_is_gone_is_said(adas, settings, tmp_path):
    settings.DATA_DIR = tmp_path / "gone"
    assert "can’t be read" in row(adas.get(PAGE), "Disk")


def test_a_cache_that_fails_or_forgets_is_said(adas, settings):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    assert "the cache stores nothing" in verdict(adas.get(PAGE))


def test_a_cache_that_raises_is_said(adas, monkeypatch):
    def fail(*_arguments):
        raise ConnectionError

    monkeypatch.setattr(parts.cache, "set", fail)
    assert "the cache can’t be reached" in verdict(adas.get(PAGE))


class Server:
    def __init__(self, opened):
        self.opened = opened

    def open(self):
        self.opened.append(1)

    def close(self):
        pass


class TestMail:
    @pytest.fixture(autouse=True)
    def _smtp(self, settings, monkeypatch):
        settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = "django.core.mail.backends.smtp.EmailBackend", "127.0.0.1", 9
        monkeypatch.setattr(mail_check, "_last", None)
        monkeypatch.setattr(mail_check, "_asking", None)

    def test_a_server_that_cant_be_reached_is_said(self, adas):
        response = adas.get(PAGE)
        assert "the mail server can’t be reached" in verdict(response)
        assert "127.0.0.1:9" in row(response, "Mail")

    def test_one_that_answers_is_good(self, adas, monkeypatch):
        opened = []
        monkeypatch.setattr(mail_check, "get_connection", lambda **_options: Server(opened))
        assert row(adas.get(PAGE), "Mail").startswith("Mail Good 127.0.0.1:9, asked")
        adas.get(PAGE)
        assert opened == [1]

    def test_one_that_hangs_keeps_no_page_waiting(self, adas, monkeypatch):
        monkeypatch.setattr(mail_check, "PATIENCE", 0.01)
        monkeypatch.setattr(mail_check, "get_connection", lambda **_options: time.sleep(0.5) or Server([]))
        assert row(adas.get(PAGE), "Mail").startswith("Mail Asking")
        mail_check._asking.join()


def test_without_smtp_it_says_that_nothing_is_sent(adas, settings):
    assert row(adas.get(PAGE), "Mail").startswith("Mail Not sent")
    settings.EMAIL_BACKEND = "dashboard.instance.mail.files.Backend"
    assert "written to DATA_DIR/mail, see EMAIL_URL" in row(adas.get(PAGE), "Mail")


def test_since_when_something_is_bad_stays_while_it_is(adas, monkeypatch):
    monkeypatch.setattr(parts, "_compare_clocks", lambda: (7.0, ""))
    first, then = timezone.now(), timezone.now() + timedelta(minutes=5)
    [before] = [found for found in report.report(first) if found.part.key == "clock"]
    [after] = [found for found in report.report(then) if found.part.key == "clock"]
    assert before.since == after.since == first


def test_however_many_look_it_measures_every_few_seconds(adas, monkeypatch):
    monkeypatch.setattr(report, "REUSED_SECONDS", 60)
    monkeypatch.setattr(report, "_measured", None)
    now = timezone.now()
    assert report.report(now) is report.report(now)


def test_how_fast_tokens_came_is_drawn(adas):
    now = timezone.now()
    slot = now.replace(minute=now.minute // 5 * 5, second=0, microsecond=0)
    for number in range(4):
        ResponseTime.objects.create(slot=slot - timedelta(minutes=5 * number), endpoint="token", limit_ms=25, is_failure=False, count=20)
    ResponseTime.objects.create(slot=slot - timedelta(minutes=30), endpoint="token", limit_ms=250, is_failure=False, count=1)
    response = adas.get(PAGE)
    assert re.search(r"Median about 20 ms, 95th percentile about 25 ms, with a peak of \d+ ms at \d\d:\d\d\.", response.content.decode())
    assert len(re.findall(r'<line class="lp95"', response.content.decode())) == 3 + 1 + 1


def test_without_requests_there_is_no_chart(adas):
    assert "No token request in the last hour." in text_of(adas.get(PAGE))


def test_it_takes_few_queries(adas):
    adas.get(PAGE)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        adas.get(PAGE)
    assert len(captured) <= 18
