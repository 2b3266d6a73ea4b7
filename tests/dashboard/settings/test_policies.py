"""What a workspace demands of its people: loosening it asks who it is, so that an open browser or a stolen session opens no door for another."""

import time

import pytest
from allauth.socialaccount.models import SocialAccount

from dashboard.models import AccessPolicy
from tests import factories
from tests.dashboard.accounts.conftest import age_confirmation
from tests.dashboard.conftest import asked_by, text_of
from tests.dashboard.settings.conftest import SETTINGS, changes, entries

CONFIRM = "/accounts/confirm/"
DEMANDS = ("requires_second_factor", "requires_sso")

ISSUER = "https://login.example"


@pytest.fixture
def vouched(adas, ada, settings):
    """Ada has just signed in at the provider, which asked for a second factor, so she meets both requirements."""
    settings.SSO_ISSUER = ISSUER
    SocialAccount.objects.create(user=ada, provider=ISSUER, uid="00u1ada")
    session = adas.session
    session["account_authentication_methods"] += [
        {"method": "socialaccount", "at": time.time(), "provider": ISSUER, "uid": "00u1ada", "second_factor": True, "proved_at": 0}
    ]
    session.save()
    return adas


@pytest.fixture
def old(vouched):
    """11 minutes ago."""
    age_confirmation(vouched)
    return vouched


def demand(workspace, *names):
    AccessPolicy.objects.create(workspace=workspace, **dict.fromkeys(names, True))


def without(browser, *names, **values):
    return {name: value for name, value in {**entries(browser), **values}.items() if name not in names}


@pytest.mark.parametrize("name", DEMANDS)
def test_requiring_less_needs_a_proof_and_then_saves_the_form(old, demo, name):
    demand(demo, *DEMANDS)
    response = old.post(SETTINGS, without(old, name, default_secret_lifetime_days="30"))
    asked = asked_by(response)
    assert asked["next"] == SETTINGS
    assert not changes()
    assert old.post(CONFIRM, {"password": factories.PASSWORD, **asked})["Location"] == SETTINGS
    assert changes() == [({"default_secret_lifetime_days": None, name: True}, {"default_secret_lifetime_days": 30, name: False})]


def test_nor_does_a_stricter_report_avoid_the_proof(old, demo):
    demand(demo, "requires_second_factor")
    preview = old.post(SETTINGS, without(old, "requires_second_factor", max_token_lifetime="600"))["Location"]
    assert preview.startswith(SETTINGS + "preview/?")
    response = old.post(SETTINGS + "preview/", entries(old, preview))
    assert not changes()
    old.post(CONFIRM, {"password": factories.PASSWORD, **asked_by(response)})
    assert changes() == [({"max_token_lifetime": None, "requires_second_factor": True}, {"max_token_lifetime": 600, "requires_second_factor": False})]


def test_somebody_who_has_just_signed_in_is_not_asked(vouched, demo):
    demand(demo, "requires_second_factor")
    assert vouched.post(SETTINGS, without(vouched, "requires_second_factor"))["Location"] == SETTINGS
    assert changes() == [({"requires_second_factor": True}, {"requires_second_factor": False})]


def test_all_else_takes_no_proof(old, demo):
    demand(demo, *DEMANDS)
    assert old.post(SETTINGS, {**entries(old), "name": "Sesame"})["Location"] == SETTINGS
    assert changes() == [({"name": "Demo"}, {"name": "Sesame"})]


@pytest.mark.parametrize(("connected", "role"), [("ada", "owner"), ("dan", "admin"), (None, None)])
def test_single_sign_on_is_required_only_if_an_owner_could_come_in_by_it(request, dans, ada, demo, settings, connected, role):
    """Otherwise an admin could lock every owner out, and nobody could undo it."""
    settings.SSO_ISSUER, settings.SSO_NAME = ISSUER, "Okta"
    if connected:
        SocialAccount.objects.create(user=request.getfixturevalue(connected), provider=ISSUER, uid="00u1")
    SocialAccount.objects.create(user=ada, provider="https://elsewhere.example", uid="00u1")
    preview = dans.post(SETTINGS, {**entries(dans), "requires_sso": "on"})["Location"]
    page = dans.post(SETTINGS + "preview/", entries(dans, preview))
    assert AccessPolicy.objects.filter(workspace=demo, requires_sso=True).exists() is (role == "owner")
    if role != "owner":
        assert "No owner’s account is connected to Okta, so no owner could sign in." in text_of(page)
