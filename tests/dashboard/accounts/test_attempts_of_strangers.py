"""Anybody can fail to sign in or request a new password: the audit log lists a number per day, and then says how many more there were."""

from datetime import UTC, datetime, timedelta

import pytest

from clients.models import AuditEvent
from clients.moment import iso
from clients.services.audit import Actor
from dashboard.background import prune
from dashboard.people import passwords, strangers_attempts
from oauth.models import FailureCount
from tests.dashboard.conftest import Browser

pytestmark = pytest.mark.django_db

DAY = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _few(monkeypatch):
    monkeypatch.setattr(strangers_attempts, "MAX_OF_NETWORK", 3)
    monkeypatch.setattr(strangers_attempts, "MAX", 5)


def listed(event, **fields):
    return AuditEvent.objects.filter(event=event, **fields).count()


def sign_in(email, address):
    Browser(REMOTE_ADDR=address).post("/accounts/sign-in/", {"login": email, "password": "wrong"})


def ask_for_reset(email, address):
    Browser(REMOTE_ADDR=address).post("/accounts/reset/", {"email": email})


def fail_at(moment, address="203.0.113.9"):
    strangers_attempts.record_failed_sign_in(email="nobody@example.com", actor=Actor("anonymous", address), now=moment)


each_kind = pytest.mark.parametrize(("attempt", "event"), [(sign_in, "user.sign_in_failed"), (ask_for_reset, "user.password_reset_requested")])


@each_kind
def test_the_number_of_listed_attempts_is_limited_whatever_their_addresses(olga, attempt, event):
    for number in range(4):
        attempt(f"nobody{number}@example.com", f"203.0.113.{number}")
        attempt(olga.email, f"198.51.100.{number}")
    assert listed(event) == 5


@each_kind
def test_one_network_does_not_take_the_places_of_others(olga, attempt, event):
    for number in range(8):
        attempt(f"nobody{number}@example.com", f"2001:db8:1:{number}::1")
    attempt(olga.email, "198.51.100.7")
    assert (listed(event, target_id="unknown"), listed(event, target_id=olga.audit_name)) == (3, 1)


def test_of_the_rest_one_event_says_the_number_when_the_day_is_over(olga):
    for number in range(5):
        fail_at(DAY + timedelta(hours=number))
        passwords.record_reset_request(user=olga, actor=Actor("anonymous", "198.51.100.7"), now=DAY + timedelta(hours=number))
    prune.prune(now=DAY + timedelta(hours=23, minutes=59))
    assert not listed("user.more_attempts")
    for _ in range(2):
        prune.prune(now=DAY + timedelta(days=1, seconds=1))
    said = AuditEvent.objects.filter(event="user.more_attempts")
    assert {event.after["event"]: event.after["attempts"] for event in said} == {"user.sign_in_failed": 2, "user.password_reset_requested": 3}
    times = {(event.actor, event.target_id, event.after["since"], event.after["until"]) for event in said}
    assert times == {("system", "unknown", iso(DAY), iso(DAY + timedelta(days=1)))}
    assert not FailureCount.objects.exists()


def test_the_next_day_is_listed_again():
    for hours in (0, 1, 2, 3, 24):
        fail_at(DAY + timedelta(hours=hours))
    assert listed("user.sign_in_failed") == 4


def test_of_few_there_is_nothing_to_add():
    fail_at(DAY, address=None)
    prune.prune(now=DAY + timedelta(days=1, seconds=1))
    assert (listed("user.sign_in_failed"), listed("user.more_attempts")) == (1, 0)
