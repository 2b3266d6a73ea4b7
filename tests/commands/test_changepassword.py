"""manage.py changepassword."""

import io
import os
import pty
import sys

import pytest
from django.conf import settings
from django.core import mail

from clients.models import AuditEvent
from dashboard.models import User
from tests import factories

GOOD = "a-long-enough-passphrase"


@pytest.fixture
def ada(db):
    return factories.create_user("ada@example.com")


@pytest.fixture
def typed(monkeypatch):
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_new_password_works_and_is_an_event(command, ada, typed):
    typed(GOOD + "\n")
    assert command("changepassword", "Ada@example.com", "--json").json["account"] == "ada@example.com"
    assert User.objects.get().check_password(GOOD)
    event = AuditEvent.objects.filter(event="user.password_changed").latest("pk")
    assert event.actor.startswith("command:")
    assert GOOD not in str(event.after) + str(event.before)


def test_the_accounts_owner_is_told(command, ada, typed):
    typed(GOOD + "\n")
    assert command("changepassword", "ada@example.com", "--json").json["told_by_mail"] is True
    [message] = mail.outbox
    assert (message.to, message.subject) == (["ada@example.com"], "Your password was changed")
    assert GOOD not in message.body


@pytest.mark.parametrize(
    ("password", "hint"),
    [
        ("", "at least 12"),
        ("short", "at least 12"),
        ("password1234", "published after a breach"),
        ("ada@example.com", "too similar"),
        ("a1b2" * 257, "at most 1024"),
    ],
)
def test_weak_password_is_refused_and_nothing_changed(refused, ada, typed, password, hint):
    typed(password + "\n")
    events, hashed = AuditEvent.objects.count(), ada.password
    assert hint in refused("changepassword", "ada@example.com")
    assert (AuditEvent.objects.count(), User.objects.get().password) == (events, hashed)


def test_unknown_account_is_refused(refused, ada):
    assert "There is no account “eve@example.com”" in refused("changepassword", "eve@example.com")


@pytest.mark.program
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("again", "changed"), [(GOOD, True), ("another-passphrase", False)])
def test_person_at_a_terminal_types_it_twice(ada, again, changed):
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(
            sys.executable, [sys.executable, "manage.py", "changepassword", "ada@example.com"], {**os.environ, "DATABASE_URL": f"sqlite:///{_database()}"}
        )
    for prompt, answer in ((b"New password: ", GOOD), (b"Again: ", again)):
        shown = b""
        while prompt not in shown:
            shown += os.read(terminal, 1024)
        os.write(terminal, answer.encode() + b"\n")
    _, status = os.waitpid(pid, 0)
    assert (os.waitstatus_to_exitcode(status) == 0) == changed
    assert User.objects.get().check_password(GOOD) == changed


def _database():
    return settings.DATABASES["default"]["NAME"]
