"""A password that a command printed or set: its account is asked to choose another one, and can sign in with it until then."""

import io
import re
import sys

import pytest
from django.conf import settings as django_settings

from dashboard.models import Membership, User
from dashboard.people import passwords
from tests import factories
from tests.dashboard.conftest import Browser, text_of

SECURITY, CHANGE = "/accounts/security/", "/accounts/security/password/"
SAID = "Set by the administrator of this instance, who may know it. Choose your own"
WARNING = "The operator of this instance set your password and may know it. Choose your own"
OWN = "an-entirely-new-phrase"


@pytest.fixture(autouse=True)
def _pages(db, settings):
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    django_settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)


def enter(password, *, email="ada@example.com"):
    browser = Browser()
    assert browser.post("/accounts/sign-in/", {"login": email, "password": password})["Location"] == "/"
    return browser


@pytest.fixture
def printed(command):
    return command("create_workspace", "payments", "--owner", "ada@example.com", "--json").json["owner_password"]


def test_the_one_of_a_new_owner_opens_the_dashboard_and_says_so(printed):
    browser = enter(printed)
    assert WARNING in text_of(browser.get("/", follow=True))
    page = browser.get(SECURITY)
    assert SAID in text_of(page)
    assert WARNING not in text_of(page)


def test_so_does_one_that_changepassword_set(command, monkeypatch):
    factories.create_user("ada@example.com")
    monkeypatch.setattr(sys, "stdin", io.StringIO(OWN + "\n"))
    command("changepassword", "ada@example.com")
    browser = enter(OWN)
    assert WARNING in text_of(browser.get(SECURITY))


def test_one_s_own_says_nothing(printed):
    browser = enter(printed)
    browser.get(SECURITY)
    assert browser.post(CHANGE, {"current_password": printed, "new_password": OWN})["Location"] == SECURITY
    assert re.search(r"Password Changed ", text_of(browser.get(SECURITY)))
    assert WARNING not in text_of(enter(OWN).get(SECURITY))


def test_nor_does_one_set_by_a_link(printed):
    path = passwords.make_reset_link(User.objects.get())
    Browser().post(path, {"new_password": OWN})
    page = text_of(enter(OWN).get(SECURITY))
    assert SAID not in page
    assert WARNING not in page


def test_nor_one_that_was_chosen_when_joining(printed):
    new = factories.invite(Membership.objects.get(), "jonas@example.com")
    browser = Browser()
    browser.get(f"/accounts/invite/{new.plaintext}/")
    browser.post("/accounts/invite/", {"invitation": new.invitation.pk, "name": "Jonas", "password": OWN})
    page = text_of(browser.get(SECURITY))
    assert "Never changed" in page
    assert WARNING not in page
