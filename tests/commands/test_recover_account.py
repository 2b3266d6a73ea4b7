"""manage.py recover_account."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.conf import settings as django_settings
from django.contrib.sessions.models import Session
from django.core import mail
from django.utils import timezone

from clients.models import AuditEvent
from dashboard.models import Invitation, Membership, User
from dashboard.people import second_factors
from tests import factories
from tests.dashboard.conftest import Browser


@pytest.fixture
def ada(db, settings):
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    django_settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    user = factories.create_user("ada@example.com")
    second_factors.add_passkey(user=user, name="Lost", credential={}, actor=factories.TESTS, now=timezone.now())
    return user


def test_a_person_who_has_lost_everything_can_start_again(command, ada):
    browser = Browser()
    result = command("recover_account", "Ada@example.com", "--json").json
    assert (result["account"], result["second_factors_removed"], result["told_by_mail"]) == (ada.email, 2, True)
    assert not Authenticator.objects.exists()
    # The person that the factors kept out may know it.
    assert not User.objects.get().has_usable_password()
    path = result["reset_link"].partition("localhost:8443")[2]
    assert browser.post(path, {"new_password": "an-entirely-new-phrase"})["Location"] == "/accounts/sign-in/"
    assert User.objects.get().check_password("an-entirely-new-phrase")
    assert browser.get(path).status_code == 410


def test_its_sessions_end(command, ada):
    Authenticator.objects.all().delete()
    browser = Browser()
    browser.post("/accounts/sign-in/", {"login": ada.email, "password": factories.PASSWORD})
    assert command("recover_account", ada.email, "--json").json["sessions_ended"] == 1
    assert not Session.objects.exists()
    assert browser.get("/accounts/security/").status_code == 302


def test_the_account_is_told_and_the_event_says_who_did_it(command, ada):
    command("recover_account", ada.email)
    assert [message.subject for message in mail.outbox] == ["The operator recovered your account"]
    assert "/accounts/reset/1-" not in mail.outbox[0].body
    event = AuditEvent.objects.filter(event="user.recovered").get()
    assert event.actor.startswith("command:")
    assert event.after == {
        "second_factors_removed": 2,
        "connections_removed": 0,
        "sessions_ended": 0,
        "invitations_withdrawn": 0,
        "hand_overs_withdrawn": 0,
    }


def test_nothing_stays_that_would_let_an_intruder_back_in(command, ada):
    """The intruder connected a person at the OpenID provider, and invited their own mailbox."""
    demo = factories.create_workspace("demo", owner=ada.email)
    SocialAccount.objects.create(user=ada, provider="https://id.example.com", uid="mallory")
    factories.invite(Membership.objects.get(workspace=demo), "mallory@example.com")
    result = command("recover_account", ada.email, "--json").json
    assert (result["connections_removed"], result["invitations_withdrawn"], result["hand_overs_withdrawn"]) == (1, 1, 0)
    assert not SocialAccount.objects.exists()
    assert Invitation.objects.get().withdrawn_at is not None
    assert AuditEvent.objects.get(event="invitation.withdrawn").after == {"reason": f"The account {ada.email} was recovered."}


def test_unknown_account_is_named(refused, db):
    assert "There is no account “nobody@example.com”." in refused("recover_account", "nobody@example.com")


def test_an_account_that_is_switched_off_stays_so(refused, ada):
    User.objects.update(is_active=False)
    assert "is disabled" in refused("recover_account", ada.email)
