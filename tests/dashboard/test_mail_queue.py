"""A mail server that accepts no mail for a while: the queue is limited, and one kind of mail, or one person's, never pushes out another's."""

import time
from threading import Event

import pytest
from django.core import mail as django_mail
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone

from dashboard.instance import mail
from dashboard.instance.mail import queue
from dashboard.people.notices import describe
from tests.commands.conftest import Shell

MANY = 300


class Slow(EmailBackend):
    """Accepts the first mail when it continues, and then all others."""

    goes_on = Event()

    def send_messages(self, messages):
        assert self.goes_on.wait(60)
        return super().send_messages(messages)


@pytest.fixture(autouse=True)
def _server(settings):
    settings.EMAIL_BACKEND = f"{__name__}.Slow"
    Slow.goes_on.clear()
    yield
    Slow.goes_on.set()
    mail.wait_until_sent()


def notice(address):
    mail.send_later("account_notice", [address], describe("password_changed", now=timezone.now()))


def link(address):
    mail.send_later("account_email_change", [address], {"url": "https://localhost/", "host": "localhost"})


def received():
    Slow.goes_on.set()
    mail.wait_until_sent()
    return [message.to[0] if message.to else "" for message in django_mail.outbox]


def test_however_many_of_another_kind_wait_a_notice_about_an_account_is_sent():
    for number in range(MANY):
        link(f"stranger-{number}@example.com")
    notice("ada@example.com")
    assert "ada@example.com" in received()


def test_nor_has_it_to_wait_for_all_of_them():
    for number in range(50):
        link(f"stranger-{number}@example.com")
    notice("ada@example.com")
    assert received().index("ada@example.com") <= 2


def test_a_persons_own_notices_push_out_nobody_elses(caplog):
    for _ in range(MANY):
        notice("mallory@example.com")
    notice("ada@example.com")
    assert caplog.text == ""
    assert "mallory" not in caplog.text
    *before, last = received()
    # The first one is with the mail server already, perhaps, and one names the others.
    assert (set(before), len(before) in (21, 22), last) == ({"mallory@example.com"}, True, "ada@example.com")


@pytest.mark.long
def test_of_a_kind_200_wait_at_most():
    for number in range(MANY):
        notice(f"person-{number}@example.com")
    assert len(received()) in (200, 201)


def test_a_mail_without_a_recipient_takes_no_place_in_the_queue():
    """It is queued so that the response time doesn't reveal whether there is an account."""
    notice("ben@example.com")
    for _ in range(MANY):
        mail.send_later("account_notice", [], describe("password_changed", now=timezone.now()))
    notice("ada@example.com")
    assert "ada@example.com" in received()


class TestGathered:
    def gather(self, *names):
        for name in names:
            mail.gather("account_notice", "ada@example.com", describe("passkey_added", now=timezone.now(), name=name, ended=""))

    def test_what_comes_within_some_minutes_is_one_mail(self):
        self.gather("one", "two")
        notice("ada@example.com")
        assert len(received()) == 2
        [more] = [message for message in django_mail.outbox if message.subject.startswith("More notices")]
        assert more.subject == "More notices: 2 at once"
        for name in ("one", "two"):
            assert f"- A passkey was added to your account: {name}" in more.body

    def test_it_is_sent_when_they_are_over(self, monkeypatch):
        monkeypatch.setattr(queue, "GATHERED_SECONDS", 0.01)
        Slow.goes_on.set()
        self.gather("one")
        ends = time.monotonic() + 20
        while not django_mail.outbox and time.monotonic() < ends:
            time.sleep(0.01)
        assert [message.subject for message in django_mail.outbox] == ["More notices: 1 at once"]

    def test_the_next_ones_are_another(self):
        self.gather("one")
        received()
        self.gather("two")
        received()
        assert [message.subject for message in django_mail.outbox] == ["More notices: 1 at once"] * 2


@pytest.mark.program
def test_who_stops_the_process_has_sent_what_was_gathered(tmp_path):
    shell = Shell(tmp_path)
    code = (
        "from dashboard.instance import mail; from dashboard.people.notices import describe; from django.utils import timezone;"
        "mail.gather('account_notice', 'ada@example.com', describe('password_changed', now=timezone.now()))"
    )
    assert shell("shell", "-v0", "-c", code).returncode == 0
    [file] = (shell.data_dir / "mail").glob("*.eml")
    assert "Subject: More notices: 1 at once" in file.read_text()
