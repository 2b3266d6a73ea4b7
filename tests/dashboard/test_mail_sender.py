"""EMAIL_FROM: the sender, because a mail server accepts only the sender's own addresses."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event, Thread

import pytest
from django.core import mail as outbox
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from dashboard.instance import environment, mail
from dashboard.people.notices import describe

# Seconds that a page may wait in these tests: less than two steps of the slow server below, and time for a busy machine.
LONGEST = 2


@pytest.mark.parametrize("sender", ["tokenos@example.com", "TokenOS <tokenos@example.com>", "Ünal & Söhne <x@xn--nal-joa.example>", "root@localhost"])
def test_a_sender_is_accepted_as_it_is(monkeypatch, sender):
    monkeypatch.setenv("EMAIL_FROM", sender)
    assert environment.sender("EMAIL_FROM", default="") == sender


@pytest.mark.parametrize(
    "sender", ["TokenOS", "@example.com", "tokenos@", "a@b@c", "TokenOS <tokenos@example.com", "a b@example.com", "a@x\r\nBcc: b@x", "<a@x>"]
)
def test_anything_but_a_sender_is_refused(monkeypatch, sender):
    monkeypatch.setenv("EMAIL_FROM", sender)
    with pytest.raises(ImproperlyConfigured, match=r"EMAIL_FROM must be an address, such as"):
        environment.sender("EMAIL_FROM", default="")


def test_mail_comes_from_the_host_that_people_sign_in_to_unless_said_otherwise(settings):
    mail.send("account_notice", ["ada@example.com"], describe("password_changed", now=timezone.now()))
    assert outbox.outbox[-1].from_email == "TokenOS <no-reply@localhost>"
    settings.DEFAULT_FROM_EMAIL = "tokenos@example.com"
    mail.send("account_notice", ["ada@example.com"], describe("password_changed", now=timezone.now()))
    assert outbox.outbox[-1].from_email == "tokenos@example.com"


def test_no_page_waits_for_five_seconds():
    """The tests below wait for less, as they find out only whether a page waits for longer than it may."""
    assert mail.PATIENCE < 4


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(mail, "PATIENCE", 0.7)


@pytest.mark.long
@pytest.mark.usefixtures("impatient")
def test_a_mail_server_that_says_nothing_holds_up_no_page_for_longer(settings):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.EMAIL_BACKEND = "dashboard.instance.mail.smtp.Backend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = silent.getsockname()
        began = time.monotonic()
        assert mail.send("account_notice", ["ada@example.com"], describe("password_changed", now=timezone.now())) is False
    assert time.monotonic() - began < LONGEST


@pytest.fixture
def dawdling(settings, impatient):
    """A mail server that takes less than a page waits, but for each step of a mail, until the event is set."""
    hurries, received = Event(), []

    def serve(connection):
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"220 mail.example ESMTP\r\n")
            is_text = False
            for line in lines:
                verb = line[:4].upper()
                if is_text and line != b".\r\n":
                    continue
                if is_text or verb in (b"RCPT", b"DATA"):
                    hurries.wait(0.5)
                if verb == b"RCPT":
                    received.append(line.decode().partition("<")[2].partition(">")[0])
                is_text = verb == b"DATA"
                connection.sendall(b"354 go on\r\n" if is_text else b"250 done\r\n")

    def accept():
        with suppress(OSError):
            while True:
                Thread(target=serve, args=[server.accept()[0]], daemon=True).start()

    settings.EMAIL_BACKEND = "dashboard.instance.mail.smtp.Backend"
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.getsockname()
        Thread(target=accept, daemon=True).start()
        yield hurries, received
        hurries.set()
        mail.wait_until_sent()


class TestOneThatTakesItsTimeForEachStep:
    @pytest.mark.long
    def test_holds_up_no_page_for_longer_and_gets_all_mail(self, dawdling):
        hurries, received = dawdling
        began = time.monotonic()
        addresses = [f"{name}@example.com" for name in ("a", "b", "c")]
        unsent = mail.send_each("account_notice", dict.fromkeys(addresses, describe("password_changed", now=timezone.now())), is_page=True)
        assert time.monotonic() - began < LONGEST
        assert unsent.addresses == []
        hurries.set()
        mail.wait_until_sent()
        assert sorted(received) == addresses

    @pytest.mark.long
    @pytest.mark.usefixtures("dawdling")
    def test_nor_does_one_that_waits_to_hear_that_it_was_taken(self):
        began = time.monotonic()
        assert mail.send("account_notice", ["ada@example.com"], describe("password_changed", now=timezone.now())) is False
        assert time.monotonic() - began < LONGEST

    @pytest.mark.long
    @pytest.mark.usefixtures("dawdling")
    def test_nor_do_many_at_once(self):
        """They wait neither for each other nor for a place."""
        began = time.monotonic()
        with ThreadPoolExecutor(12) as pages:
            sent = pages.map(lambda number: self.invite(f"{number}@example.com"), range(12))
        assert [unsent.addresses for unsent in sent] == [[]] * 12
        assert time.monotonic() - began < LONGEST

    def invite(self, address):
        return mail.send_each("account_notice", {address: describe("password_changed", now=timezone.now())}, is_page=True)
