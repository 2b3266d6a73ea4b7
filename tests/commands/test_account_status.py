"""manage.py disable_account, enable_account, promote and demote."""

from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.contrib.sessions.models import Session
from django.core import mail
from django.utils import timezone

from clients.models import AuditEvent
from dashboard.instance.mail import wait_until_sent
from dashboard.models import Membership, User
from dashboard.people import second_factors
from tests import factories
from tests.dashboard.conftest import Browser, sign_in

COMMANDS = ["disable_account", "enable_account", "promote", "demote"]


@pytest.fixture
def olga(db, settings):
    """Operates the instance."""
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    django_settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]
    return factories.create_user("olga@example.com", is_instance_admin=True)


@pytest.fixture
def ada(olga, demo):
    """The owner of demo, with a password."""
    return set_password("ada@example.com")


def set_password(email):
    user = User.objects.get(email=email)
    user.set_password(factories.PASSWORD)
    user.save()
    return user


def last_event(event):
    return AuditEvent.objects.filter(event=event).order_by("pk").last()


def test_an_account_is_switched_off_with_all_that_is_open(command, ada, demo):
    factories.invite(Membership.objects.get(user=ada), "jonas@example.com")
    browser = sign_in(ada)
    mail.outbox.clear()
    result = command("disable_account", "Ada@example.com", "--json").json
    assert result == {
        "account": "ada@example.com",
        "status": "disabled",
        "sessions_ended": 1,
        "invitations_withdrawn": 1,
        "hand_overs_withdrawn": 0,
        "told_by_mail": True,
        "warnings": ["demo has no other owner who can sign in."],
    }
    assert not Session.objects.exists()
    assert browser.get("/w/demo/members/").status_code == 302
    event = last_event("user.disabled")
    assert event.actor.startswith("command:")
    assert (event.target_id, event.after) == (ada.audit_name, {"sessions_ended": 1, "invitations_withdrawn": 1, "hand_overs_withdrawn": 0})


def test_an_account_is_switched_on_again(command, ada):
    command("disable_account", ada.email)
    assert Browser().post("/accounts/sign-in/", {"login": ada.email, "password": factories.PASSWORD}).status_code == 200
    assert command("enable_account", ada.email, "--json").json == {"account": ada.email, "status": "active", "told_by_mail": True}
    assert last_event("user.enabled").target_id == ada.audit_name
    sign_in(ada)


def test_an_administrator_is_made_and_unmade(command, ada):
    browser = sign_in(ada)
    assert command("promote", ada.email, "--json").json == {
        "account": ada.email,
        "is_administrator": True,
        "sessions_ended": 1,
        "told_by_mail": True,
        "warnings": ["ada@example.com has no second factor yet. Ask the person to add one."],
    }
    # A session that somebody left open has no more power.
    assert browser.get("/admin/").status_code == 302
    browser = sign_in(ada)
    assert browser.get("/admin/").status_code == 200
    assert command("demote", ada.email, "--json").json == {"account": ada.email, "is_administrator": False, "sessions_ended": 1, "told_by_mail": True}
    assert browser.get("/admin/").status_code == 302
    assert sign_in(ada, browser).get("/admin/clients/client/").status_code == 302
    assert not User.objects.get(pk=ada.pk).is_superuser
    assert [last_event(event).after for event in ("user.promoted", "user.demoted")] == [{"sessions_ended": 1}, {"sessions_ended": 1}]


def test_nobody_is_warned_about_an_account_with_a_second_factor(command, ada):
    second_factors.add_passkey(user=ada, name="Laptop", credential={}, actor=factories.TESTS, now=timezone.now())
    assert "warnings" not in command("promote", ada.email, "--json").json


@pytest.mark.parametrize("name", COMMANDS)
def test_an_existing_state_stays_and_nobody_is_told(command, olga, ada, name):
    first = {"disable_account": [name], "enable_account": [], "promote": [name], "demote": []}[name]
    for before in first:
        command(before, ada.email)
    wait_until_sent()
    mail.outbox.clear()
    events = AuditEvent.objects.count()
    assert command(name, ada.email, "--json").json["told_by_mail"] is False
    assert (mail.outbox, AuditEvent.objects.count()) == ([], events)


@pytest.mark.parametrize("name", ["disable_account", "demote"])
def test_the_last_administrator_stays(refused, command, olga, ada, name):
    expected = "The account olga@example.com is the last administrator of this instance. Promote another one first."
    assert refused(name, olga.email) == expected
    command("promote", ada.email)
    command("disable_account", ada.email)
    assert refused(name, olga.email) == expected
    command("enable_account", ada.email)
    assert command(name, olga.email).status == 0
    assert User.objects.filter(is_staff=True, is_active=True).get() == ada


def test_a_disabled_account_cant_be_promoted(refused, command, ada):
    command("disable_account", ada.email)
    assert refused("promote", ada.email) == "The account ada@example.com is disabled. Enable it first."


def test_one_who_is_switched_off_can_be_demoted(command, ada):
    command("promote", ada.email)
    command("disable_account", ada.email)
    assert command("demote", ada.email, "--json").json["is_administrator"] is False


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_account_is_named(refused, db, name):
    assert refused(name, "nobody@example.com") == "There is no account “nobody@example.com”. Give the email address that the person signs in with."


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("disable_account", "Your account was disabled"),
        ("enable_account", "Your account is enabled again"),
        ("promote", "You are now an administrator of this instance"),
        ("demote", "You are no longer an administrator of this instance"),
    ],
)
def test_the_mail_tells_the_account_without_asking_for_anything_useless(command, olga, ada, name, subject):
    for before in {"enable_account": ["disable_account"], "demote": ["promote"]}.get(name, []):
        command(before, ada.email)
    mail.outbox.clear()
    command(name, ada.email)
    [message] = [message for message in mail.outbox if message.to == [ada.email]]
    assert message.subject == subject
    for text in (message.body, message.alternatives[0].content):
        assert "It was done by the people who run localhost:8443. If you don’t know why, ask them." in text
        assert "/accounts/reset/" not in text


@pytest.mark.parametrize("name", COMMANDS)
def test_without_a_mail_server_the_file_is_named_and_nobody_was_told(command, olga, ada, settings, tmp_path, name):
    settings.DATA_DIR = tmp_path
    settings.EMAIL_BACKEND = "dashboard.instance.mail.files.Backend"
    for before in {"enable_account": ["disable_account"], "demote": ["promote"]}.get(name, []):
        command(before, ada.email)
    result = command(name, ada.email, "--json").json
    file = Path(result["mail_file"])
    assert (result["told_by_mail"], file.parent) == (False, tmp_path / "mail")
    assert f"To: {ada.email}" in file.read_text()
    again = command(name, ada.email, "--json").json
    assert (again["told_by_mail"], "mail_file" in again) == (False, False)
