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


def test_all_is_well_of_which_a_viewer_sees_states_and_not_what_was_measured(adas, bens, signing_key):
    response = adas.get(PAGE)
    assert verdict(response) == "All is well."
    assert re.match(r"Database Good \w+, [\d.]+ ms for a write, [\d,]+ (kB|MB) 50 ms", row(response, "Database"))
    assert row(response, "Cache").startswith("Cache Good in process")
    assert row(response, "TLS certificate").startswith("TLS certificate Elsewhere")
    assert re.search(rf"{re.escape(signing_key.kid)}, ES256, \d+ s old, next in (89|90) days 90 days", row(response, "Signing key"))
    assert "No token request in the last hour." in text_of(response)
    assert response["Cache-Control"] == "no-store"
    # It is renewed as a part that tells states only.
    with CaptureQueriesContext(connection) as captured:
        response = adas.get(PAGE, headers={"HX-Request": "true"})
    assert len(captured) <= 18
    assert "<html" not in response.content.decode()
    assert 'data-tells="All is well"' in response.content.decode()
    assert "HX-Request" in response["Vary"]
    response = bens.get(PAGE)
    assert row(response, "Database") == "Database Good"
    assert "ms for a write" not in text_of(response)
    assert "You are a viewer." in text_of(response)


def test_a_database_that_cant_be_written_is_shown(adas, monkeypatch):
    def fail(**_fields):
        raise OperationalError("attempt to write a readonly database")

    adas.get(PAGE)
    monkeypatch.setattr(ScheduledJob.objects, "update", fail)
    response = adas.get(PAGE)
    assert re.fullmatch(
        r"Tokens are being issued. 1 problem needs attention now: the database is read-only, so nothing can be changed, "
        r"and clients with private_key_jwt or DPoP get no tokens, since .*",
        verdict(response),
    )
    assert "attempt to write a readonly database" in row(response, "Database")
    assert 'data-tells="Database: Failed"' in response.content.decode()


@pytest.mark.skipif(connection.vendor != "sqlite", reason="a pragma of SQLite")
@pytest.mark.django_db(transaction=True)
def test_a_read_only_database_is_shown_and_the_page_still_opens(adas):
    ScheduledJob.objects.create(name="prune", next_run_at=timezone.now() + timedelta(hours=1))
    adas.get(PAGE)
    age_session(adas, hours=1)
    connection.connection.execute("PRAGMA query_only = ON")
    try:
        response = adas.get(PAGE)
    finally:
        connection.connection.execute("PRAGMA query_only = OFF")
    assert response.status_code == 200
    assert "1 problem needs attention now: the database is read-only" in verdict(response)


@pytest.mark.parametrize(
    ("said", "begins", "fix"),
    [
        ("database or disk is full", "Tokens are being issued. 1 problem needs attention now: the database’s disk is full", "Free some space"),
        ("database is locked", "Tokens are being issued. 1 problem needs attention now: another program has locked the database", "Look for a backup, a shell"),
        ("database disk image is malformed", "Tokens can’t be issued: the database is damaged", "restore the database from a backup"),
        ("the connection is closed", "Tokens can’t be issued: the database can’t be reached", "Check that it is running"),
    ],
)
def test_any_other_write_failure_is_shown_as_one(adas, monkeypatch, said, begins, fix):
    monkeypatch.setattr(ScheduledJob.objects, "update", failing(OperationalError(said)))
    response = adas.get(PAGE)
    assert verdict(response).startswith(begins)
    assert fix in row(response, "Database")


def failing(error):
    def fail(*_arguments, **_fields):
        raise error

    return fail


def be_late(_patch, _settings):
    old = timezone.now() - timedelta(days=100)
    SigningKey.objects.update(created_at=old, activates_at=old)


FAULTS = {
    "a slow database": (
        lambda patch, _: patch.setattr(parts, "SLOW_MS", 0),
        r"the database takes [\d.]+ ms for a write; the cache is slow",
    ),
    "no signing key": (lambda *_: SigningKey.objects.all().delete(), "^Tokens can’t be issued: there is no key that signs tokens"),
    "one that can't be opened": (
        lambda _, settings: setattr(settings, "KEY_ENCRYPTION_KEYS", ["another-key-" + "2" * 40]),
        "the signing key can’t be decrypted",
    ),
    "a late rotation": (be_late, "1 problem needs attention soon: the signing key should have been rotated"),
    "a clock behind what is written": (lambda *_: AuditEvent.objects.update(created_at=timezone.now() + timedelta(minutes=2)), "s ahead of this clock"),
    "a clock off the database's": (
        lambda patch, _: patch.setattr(parts, "_compare_clocks", lambda: (7.0, "7,000 ms off the database’s")),
        "the clock is 7 s off the database’s, since",
    ),
    "one so far off that nothing is cleaned up": (
        lambda patch, _: patch.setattr(parts, "read_clocks", lambda: ClockReading(timezone.now(), timedelta(minutes=2))),
        "the clock is 120 s off the database’s, so this process removes nothing and leaves background work to others, since",
    ),
    "late background work": (
        lambda *_: ScheduledJob.objects.create(name="rotate_signing_key", next_run_at=timezone.now() - timedelta(hours=3)),
        "background work isn’t running: “rotate signing key” is 3 h late",
    ),
    "a cache that forgets": (
        lambda _, settings: setattr(settings, "CACHES", {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}),
        "the cache stores nothing",
    ),
    "one that raises": (lambda patch, _: patch.setattr(parts.cache, "set", failing(ConnectionError())), "the cache can’t be reached"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_wrong_is_shown(adas, monkeypatch, settings, name):
    make, said = FAULTS[name]
    make(monkeypatch, settings)
    response = adas.get(PAGE)
    assert re.search(said, verdict(response))
    if name == "no signing key":
        assert "manage.py rotate_signing_key --now" in row(response, "Signing key")


def test_of_keys_background_work_and_mail_it_says_how_they_go_on(adas, settings, tmp_path):
    ScheduledJob.objects.create(name="prune", next_run_at=timezone.now() + timedelta(minutes=20, seconds=30))
    call_command("rotate_signing_key")
    response = adas.get(PAGE)
    assert re.search(r"next in (\d+ h|\d+ min|\d+ h \d+ min|2 days)", row(response, "Signing key"))
    assert "1 job, next in 20 min" in row(response, "Background work")
    assert row(response, "Mail").startswith("Mail Not sent")
    # Keys that nobody rotates are no fault.
    settings.SIGNING_KEY_ROTATION_DAYS = 0
    SigningKey.objects.exclude(pk=SigningKey.objects.earliest("pk").pk).delete()
    settings.EMAIL_BACKEND = "dashboard.instance.mail.files.Backend"
    settings.DATA_DIR = tmp_path / "gone"
    response = adas.get(PAGE)
    assert "rotated by hand none" in row(response, "Signing key")
    assert "written to DATA_DIR/mail, see EMAIL_URL" in row(response, "Mail")
    assert "can’t be read" in row(response, "Disk")


def test_the_tls_certificate(adas, settings, tmp_path):
    settings.TLS, settings.DATA_DIR = True, tmp_path
    assert "there is no TLS certificate" in verdict(adas.get(PAGE))
    (tmp_path / "tls").mkdir()
    file = tmp_path / "tls" / "server.pem"
    file.write_text("nonsense")
    assert "there is no TLS certificate" in verdict(adas.get(PAGE))
    for days, state, said in ((60, "Good", "expires in 5"), (10, "Soon", "expires in 9 days"), (-2, "Expired", "expired 2 days ago")):
        file.write_text(_certificate(days))
        assert row(adas.get(PAGE), "TLS certificate").startswith(f"TLS certificate {state} {said}")


def _certificate(days):
    now = timezone.now()
    return pem(self_signed(begins=now - timedelta(days=90), ends=now + timedelta(days=days)).certificate)


@pytest.mark.parametrize(("free", "word"), [(1024**3, "Soon"), (1024**2, "Full")])
def test_a_full_disk_is_shown(adas, monkeypatch, free, word):
    monkeypatch.setattr(parts.shutil, "disk_usage", lambda _path: type("Usage", (), {"free": free}))
    assert row(adas.get(PAGE), "Disk").startswith(f"Disk {word}")


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
        settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = "dashboard.instance.mail.smtp.Backend", "127.0.0.1", 9
        monkeypatch.setattr(mail_check, "_last", None)
        monkeypatch.setattr(mail_check, "_asking", None)

    def test_a_server_that_cant_be_reached_is_shown(self, adas):
        response = adas.get(PAGE)
        assert "the mail server can’t be reached" in verdict(response)
        assert "127.0.0.1:9" in row(response, "Mail")

    def test_one_that_answers_is_good(self, adas, monkeypatch):
        opened = []
        monkeypatch.setattr(mail_check, "get_connection", lambda **_options: Server(opened))
        assert row(adas.get(PAGE), "Mail").startswith("Mail Good 127.0.0.1:9, checked")
        adas.get(PAGE)
        assert opened == [1]

    @pytest.mark.long
    def test_one_that_hangs_keeps_no_page_waiting(self, adas, monkeypatch):
        monkeypatch.setattr(mail_check, "PATIENCE", 0.01)
        monkeypatch.setattr(mail_check, "get_connection", lambda **_options: time.sleep(0.5) or Server([]))
        assert row(adas.get(PAGE), "Mail").startswith("Mail Checking")
        mail_check._asking.join()


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
