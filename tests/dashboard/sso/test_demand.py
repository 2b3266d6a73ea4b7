"""A workspace that opens by single sign-on only, and one that requires a second factor."""

import time
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.test import override_settings

from dashboard.models import AccessPolicy, User
from tests import factories
from tests.dashboard.accounts.conftest import App, app_code
from tests.dashboard.conftest import asked_by
from tests.dashboard.conftest import sign_in as as_person
from tests.dashboard.sso.conftest import come, demand_sso, events, heading, user_of
from tests.dashboard.sso.test_connection import CONFIRM, age, sign_in

pytestmark = pytest.mark.django_db

PAGE = "/w/demo/members/"


@pytest.fixture
def linked(ada, okta):
    return SocialAccount.objects.create(user=ada, provider=okta.issuer, uid="00u1ada")


def test_a_session_by_password_is_led_to_the_provider_and_back_and_no_form_is_done(browser, okta, demo, ada, linked):
    factories.create_workspace("second", owner=ada.email)
    demand_sso(demo)
    as_person(ada, browser)
    response = browser.get(PAGE)
    text = response.content.decode()
    assert (response.status_code, heading(response)) == (403, "Demo can be opened only with Okta")
    assert "Sign in with Okta" in text
    assert f'name="next" value="{PAGE}"' in text
    assert ada.email not in text
    response = browser.post("/w/demo/members/invite/", {"emails": "x@example.com", "role": "owner"})
    assert response.status_code == 403
    assert 'name="next" value="/w/demo/"' in response.content.decode()
    assert browser.get("/w/second/members/").status_code == 200
    assert come(browser, okta, goes_on=PAGE)["Location"] == PAGE
    assert browser.get(PAGE).status_code == 200


def test_strangers_learn_nothing_of_it(browser, okta, demo, eve):
    demand_sso(demo)
    assert browser.get(PAGE)["Location"].startswith("/accounts/sign-in/")
    assert as_person(eve, browser).get(PAGE).status_code == 404


def test_the_provider_s_word_counts_for_twelve_hours_for_the_account_that_it_vouched_for(browser, okta, demo, ada, ben, linked):
    demand_sso(demo)
    come(browser, okta)
    age(browser, timedelta(hours=11, minutes=59).total_seconds())
    assert browser.get(PAGE).status_code == 200
    with override_settings(SSO_ISSUER="https://elsewhere.example"):
        assert browser.get(PAGE).status_code == 403
    SocialAccount.objects.update(uid="00u3")
    assert browser.get(PAGE).status_code == 403
    SocialAccount.objects.update(uid="00u1ada")
    assert browser.get(PAGE).status_code == 200
    age(browser, 120)
    assert browser.get(PAGE).status_code == 403
    come(browser, okta)
    browser.post("/accounts/sign-out/")
    sign_in(browser, ben)
    assert browser.get(PAGE).status_code == 403


def test_once_disconnected_the_provider_vouches_for_nobody(browser, okta, demo, ada, linked):
    demand_sso(demo)
    demand_factor(demo)
    come(browser, okta, amr=["mfa"], auth_time=int(time.time()))
    assert browser.get(PAGE).status_code == 200
    assert browser.post("/accounts/security/sso/disconnect/").status_code == 302
    assert not SocialAccount.objects.exists()
    assert browser.get(PAGE).status_code == 403
    AccessPolicy.objects.update(requires_sso=False)
    assert browser.get(PAGE)["Location"] == "/accounts/security/"


def test_without_single_sign_on_it_stays_shut_and_says_what_opens_it(browser, demo, ada):
    demand_sso(demo)
    as_person(ada, browser)
    response = browser.get(PAGE)
    assert response.status_code == 403
    assert "manage.py allow_passwords demo" in response.content.decode()
    assert "/accounts/sso/" not in response.content.decode()


# Second factors


def demand_factor(workspace):
    AccessPolicy.objects.update_or_create(workspace=workspace, defaults={"requires_second_factor": True})


@pytest.mark.parametrize(
    "claims", [{"amr": ["pwd", "mfa"]}, {"acr": "mfa"}, {"acr": "phr"}, {"acr": "http://schemas.openid.net/pape/policies/2007/06/multi-factor"}]
)
def test_the_provider_s_second_factor_counts(browser, okta, demo, ada, linked, claims):
    demand_factor(demo)
    come(browser, okta, **claims)
    assert browser.get(PAGE).status_code == 200


@pytest.mark.parametrize("claims", [{}, {"amr": ["pwd"]}, {"amr": ["otp"]}, {"amr": "mfa"}, {"amr": [["mfa"]]}, {"acr": "1"}, {"acr": ["mfa"]}, {"acr": 0}])
def test_one_factor_at_the_provider_does_not_whatever_userinfo_says(browser, okta, demo, ada, linked, claims):
    demand_factor(demo)
    okta.userinfo = {"amr": ["mfa"], "acr": "mfa"}
    come(browser, okta, **claims)
    assert browser.get(PAGE)["Location"] == "/accounts/security/"


@pytest.fixture
def with_codes(ada):
    factories.turn_on_one_time_codes(ada)


def test_somebody_who_has_a_second_factor_here_is_asked_for_it_unless_the_provider_asked(browser, okta, demo, ada, linked, with_codes):
    demand_sso(demo)
    response = come(browser, okta, goes_on=PAGE)
    assert response["Location"] == "/accounts/sign-in/code/"
    assert user_of(browser) is None
    assert browser.get(PAGE)["Location"].startswith("/accounts/sign-in/")
    response = browser.post("/accounts/sign-in/code/", {"code": app_code(factories.TOTP_SECRET)})
    assert response["Location"] == PAGE
    assert browser.get(PAGE).status_code == 200
    assert events("user.signed_in")[-1].after == {"method": "single sign-on and one-time code"}
    browser.cookies.clear()
    come(browser, okta, amr=["mfa"])
    assert user_of(browser) == ada.pk


@pytest.mark.long
@pytest.mark.parametrize(("claims", "status"), [({"amr": ["mfa"]}, 200), ({"amr": ["pwd"]}, 302)])
def test_a_new_proof_at_the_provider_opens_it_if_the_provider_asked_for_one(browser, okta, demo, ada, linked, claims, status):
    """For a session by password from before the account had a second factor."""
    demand_factor(demo)
    as_person(ada, browser)
    App(ada)
    assert browser.get(PAGE)["Location"].startswith("/accounts/confirm/")
    response = come(browser, okta, path=CONFIRM, goes_on=PAGE, auth_time=int(time.time()), **claims)
    assert response["Location"] == PAGE
    assert browser.get(PAGE).status_code == status
    said = "Okta doesn’t say that it asked for a second factor. Use your passkey or a code."
    assert (said in browser.get("/accounts/confirm/").content.decode()) is (status == 302)


@pytest.mark.long
@pytest.mark.parametrize(("claims", "asks_again"), [({"amr": ["mfa"]}, False), ({"amr": ["pwd"]}, True), ({}, True)])
def test_one_factor_at_the_provider_proves_nothing_of_an_account_that_has_two_here(browser, okta, demo, ada, linked, claims, asks_again):
    """However long ago the session proved the second one. Otherwise a stolen session and a phished password could remove the factors."""
    sign_in(browser, ada)
    App(ada)
    session = browser.session
    factor = Authenticator.objects.get(user=ada, type=Authenticator.Type.TOTP)
    session["account_authentication_methods"] += [{"method": "mfa", "type": "totp", "id": factor.pk, "at": time.time()}]
    for record in session["account_authentication_methods"]:
        record["at"] -= 1200
    session.save()
    off = "/accounts/security/codes/off/"
    asked = asked_by(browser.post(off))
    come(browser, okta, path=CONFIRM, goes_on=asked["next"], auth_time=int(time.time()), **claims)
    assert Authenticator.objects.filter(pk=factor.pk).exists() is asks_again


@pytest.mark.parametrize(("claims", "status"), [({"amr": ["mfa"]}, 200), ({"amr": ["pwd"]}, 302)])
def test_it_counts_for_administering_the_instance_as_well(browser, okta, demo, ada, linked, claims, status):
    demand_factor(demo)
    User.objects.filter(pk=ada.pk).update(is_staff=True)
    come(browser, okta, **claims)
    assert browser.get("/admin/").status_code == status
