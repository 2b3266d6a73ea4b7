"""EMAIL_FROM: from whom mail comes, since a mail server takes it only from an address that is one's own."""

import socket
import time

import pytest
from django.core import mail as outbox
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from dashboard.instance import environment, mail
from dashboard.people.notices import describe


@pytest.mark.parametrize("sender", ["tokenos@example.com", "TokenOS <tokenos@example.com>", "Ünal & Söhne <x@xn--nal-joa.example>", "root@localhost"])
def test_a_sender_is_taken_as_it_is(monkeypatch, sender):
    monkeypatch.setenv("EMAIL_FROM", sender)
    assert environment.sender("EMAIL_FROM", default="") == sender


@pytest.mark.parametrize(
    "sender", ["TokenOS", "@example.com", "tokenos@", "a@b@c", "TokenOS <tokenos@example.com", "a b@example.com", "a@x\r\nBcc: b@x", "<a@x>"]
)
def test_what_is_no_sender_is_refused(monkeypatch, sender):
    monkeypatch.setenv("EMAIL_FROM", sender)
    with pytest.raises(ImproperlyConfigured, match=r"EMAIL_FROM must be an address, such as"):
        environment.sender("EMAIL_FROM", default="")


def test_mail_comes_from_the_host_that_people_sign_in_to_unless_said_otherwise(settings):
    mail.send("account_notice", ["ada@example.com"], describe("password_changed", now=timezone.now()))
    assert outbox.outbox[-1].from_email == "TokenOS <no-reply@localhost>"
    settings.DEFAULT_FROM_EMAIL = "tokenos@example.com"
    mail.send("account_notice", ["ada@example.com"], describe("password_changed", now=timezone.now()))
    assert outbox.outbox[-1].from_email == "tokenos@example.com"


def test_a_mail_server_that_says_nothing_holds_up_no_page_for_five_seconds(settings):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = silent.getsockname()
        began = time.monotonic()
        assert mail.send("account_notice", ["ada@example.com"], describe("password_changed", now=timezone.now())) is False
    assert time.monotonic() - began < 5
