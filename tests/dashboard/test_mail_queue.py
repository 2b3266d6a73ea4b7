"""A mail server that takes no mail for a while: what waits for it is bounded, and one kind of mail, or one person's, never pushes out another's."""

from threading import Event

import pytest
from django.core import mail as django_mail
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone

from dashboard.instance import mail
from dashboard.people.notices import describe

MANY = 300


class Slow(EmailBackend):
    """Takes the first mail when it goes on, and then all others."""

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


def test_whoever_has_many_notices_made_for_himself_pushes_out_nobody_else_s(caplog):
    for _ in range(MANY):
        notice("mallory@example.com")
    notice("ada@example.com")
    assert caplog.text == ""
    assert "mallory" not in caplog.text
    *before, last = received()
    # The first one is with the mail server already, perhaps, and one names the others.
    assert (set(before), len(before) in (21, 22), last) == ({"mallory@example.com"}, True, "ada@example.com")


def test_of_a_kind_200_wait_at_most():
    for number in range(MANY):
        notice(f"person-{number}@example.com")
    assert len(received()) in (200, 201)


def test_a_mail_to_nobody_takes_nobody_s_place():
    """It is made so that the time of an answer doesn't tell whether there is an account."""
    notice("ben@example.com")
    for _ in range(MANY):
        mail.send_later("account_notice", [], describe("password_changed", now=timezone.now()))
    notice("ada@example.com")
    assert "ada@example.com" in received()
