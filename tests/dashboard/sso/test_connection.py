"""Connecting an existing account with a person at the provider, and “Confirm it’s you” at the provider."""

import re
import time

import pytest
from allauth.socialaccount.models import SocialAccount
from django.core import mail

from dashboard.instance.mail import wait_until_sent
from dashboard.models import Membership
from tests import factories
from tests.dashboard.conftest import Browser, asked_by
from tests.dashboard.conftest import sign_in as as_person
from tests.dashboard.sso.conftest import begin, come, events, heading, user_of

pytestmark = pytest.mark.django_db

PAGE, CONNECT, DISCONNECT = "/accounts/security/sso/", "/accounts/security/sso/connect/", "/accounts/security/sso/disconnect/"
CONFIRM = "/accounts/confirm/sso/"


def sign_in(browser, user, password=factories.PASSWORD):
    assert browser.post("/accounts/sign-in/", {"login": user.email, "password": password}).status_code == 302
    return browser


def age(browser, seconds=601):
    """As if every proof had been given that much earlier."""
    session = browser.session
    for record in session["account_authentication_methods"]:
        record["at"] -= seconds
    session.save()


@pytest.fixture
def ada_in(browser, demo, ada):
    return as_person(ada, browser)


@pytest.fixture
def linked(ada, okta):
    return SocialAccount.objects.create(user=ada, provider=okta.issuer, uid="00u1ada")


@pytest.mark.long
def test_somebody_who_is_signed_in_connects_is_told_and_signs_in_there_until_the_connection_ends(ada_in, okta, ada, second_browser):
    assert "Connect with Okta" in ada_in.get(PAGE).content.decode()
    response = come(ada_in, okta, path=CONNECT, email="another@address.example", email_verified=False)
    assert response["Location"] == PAGE
    text = ada_in.get(PAGE).content.decode()
    assert "Your account is connected to Okta." in text
    assert "Disconnect from Okta" in text
    wait_until_sent()
    assert [message.to for message in mail.outbox if message.subject == "Your account was connected to Okta"] == [[ada.email]]
    come(second_browser, okta)
    assert user_of(second_browser) == ada.pk
    assert come(ada_in, okta, path=CONNECT)["Location"] == PAGE
    assert come(ada_in, okta, path=CONNECT, sub="00u-other").status_code == 403
    assert list(SocialAccount.objects.values_list("uid", flat=True)) == ["00u1ada"]
    [event] = events("user.sso_connected")
    assert (event.actor, event.target_id, event.after) == (ada.audit_name, ada.audit_name, {"issuer": okta.issuer, "subject": "00u1ada"})
    assert ada_in.post(DISCONNECT)["Location"] == PAGE
    assert "no longer connected" in ada_in.get(PAGE).content.decode()
    [event] = events("user.sso_disconnected")
    assert (event.actor, event.before) == (ada.audit_name, {"issuer": okta.issuer, "subject": "00u1ada"})
    assert come(Browser(), okta, sub="00u1ada").status_code == 403


def test_connecting_takes_a_fresh_proof_of_who_is_signed_in_and_no_link(ada_in, okta):
    for path in (CONNECT, DISCONNECT, CONFIRM):
        assert ada_in.get(path).status_code == 405
    age(ada_in)
    assert ada_in.post(CONNECT)["Location"].startswith("/accounts/confirm/")
    for path in (PAGE, CONNECT, DISCONNECT, CONFIRM):
        assert Browser().post(path)["Location"].startswith("/accounts/sign-in/")
    assert not okta.requests


def test_a_person_who_is_connected_with_another_account_is_refused(ada_in, okta, ada, ben):
    SocialAccount.objects.create(user=ben, provider=okta.issuer, uid="00u1ada")
    response = come(ada_in, okta, path=CONNECT)
    assert (response.status_code, heading(response)) == (403, "Already connected to another account")
    assert not SocialAccount.objects.filter(user=ada).exists()


def test_somebody_who_signs_in_meanwhile_is_not_connected(ada_in, okta, ada, ben):
    """Ada started it; the browser is now Ben's."""
    url = begin(ada_in, path=CONNECT)
    ada_in.force_login(ben)
    response = ada_in.get(okta.authorize(url))
    assert (response.status_code, heading(response)) == (403, "That was somebody else")
    assert not SocialAccount.objects.exists()


def test_somebody_who_could_not_sign_in_any_more_stays_connected(browser, okta, demo, ada, linked):
    ada.set_unusable_password()
    ada.save()
    come(browser, okta)
    assert "Set a password or add a passkey first." in browser.get(PAGE).content.decode()
    browser.post(DISCONNECT)
    assert SocialAccount.objects.count() == 1


def test_nobody_keeps_a_role_of_the_provider_s_by_disconnecting(ada_in, okta, ada, linked):
    Membership.objects.filter(user=ada).update(came_by_sso=True)
    assert "Your role in Demo comes from your groups at Okta, so the connection stays" in ada_in.get(PAGE).content.decode()
    ada_in.post(DISCONNECT)
    assert SocialAccount.objects.count() == 1
    assert not events("user.sso_disconnected")


# “Confirm it’s you”


@pytest.fixture
def passwordless(browser, okta, demo, ada, linked):
    """Ada, who signed in at the provider an hour ago and has neither password nor passkey here."""
    ada.set_unusable_password()
    ada.save()
    come(browser, okta)
    age(browser, 3600)
    return browser


def test_somebody_who_has_no_password_proves_it_at_the_provider(passwordless, okta, ada):
    asked = passwordless.post(DISCONNECT)
    assert asked_by(asked)["next"] == DISCONNECT
    page = passwordless.get(asked["Location"]).content.decode()
    assert "Confirm with Okta" in page
    at_the_provider = page.partition(f'action="{CONFIRM}"')[2].partition("</form>")[0]
    assert re.findall(r'name="next" value="([^"]*)"', at_the_provider) == [DISCONNECT]
    url = begin(passwordless, path=CONFIRM, next=PAGE)
    response = passwordless.get(okta.authorize(url))
    assert (okta.asked["prompt"], okta.asked["max_age"]) == ("login", "0")
    assert response["Location"] == PAGE
    assert events("user.confirmed")[-1].after == {"method": "single sign-on"}
    assert passwordless.post(CONNECT).status_code == 200


@pytest.mark.long
def test_the_form_that_asked_is_sent_on(passwordless, okta, ada):
    ada.set_password(factories.PASSWORD)
    ada.save()
    browser = passwordless
    come(browser, okta)
    age(browser, 3600)
    asked = asked_by(browser.post(DISCONNECT))
    response = browser.get(okta.authorize(begin(browser, path=CONFIRM, **asked)))
    assert response["Location"] == PAGE
    assert not SocialAccount.objects.exists()


def test_a_form_of_somebody_with_a_copy_of_the_cookie_is_not(passwordless, okta, ada):
    """Whether it takes the place of the owner's, or the owner was made to follow its link to the provider."""
    thief = copy_of(passwordless)
    url = begin(thief, path=CONFIRM, **asked_by(thief.post(DISCONNECT)))
    assert passwordless.get(okta.authorize(url)).status_code == 400
    url = begin(passwordless, path=CONFIRM, **asked_by(passwordless.post(DISCONNECT)))
    thief.post(DISCONNECT, {"anything": "else"})
    assert passwordless.get(okta.authorize(url))["Location"] == DISCONNECT
    assert SocialAccount.objects.exists()


def copy_of(browser):
    """Another browser, with a copy of the session's cookie."""
    other = Browser()
    other.cookies["__Host-session"] = browser.session.session_key
    return other


@pytest.mark.parametrize(("auth_time", "said"), [(lambda: int(time.time()) - 3600, "didn't authenticate again"), (lambda: None, "has no auth_time")])
def test_a_sign_in_of_before_at_the_provider_proves_nothing(passwordless, okta, auth_time, said, caplog):
    """The browser can remove prompt=login from the URL, but can't change the ID token."""
    response = come(passwordless, okta, path=CONFIRM, goes_on=PAGE, auth_time=auth_time())
    assert response.status_code == 502
    assert said in caplog.text
    assert passwordless.post(CONNECT)["Location"].startswith("/accounts/confirm/")


def test_nor_by_signing_in_again_unless_the_provider_asked(passwordless, okta):
    """Otherwise somebody at an open browser could use the provider, which still knows its person."""
    come(passwordless, okta, auth_time=int(time.time()) - 3600)
    assert passwordless.post(CONNECT)["Location"].startswith("/accounts/confirm/")
    passwordless.post("/accounts/sign-out/")
    come(passwordless, okta, auth_time=None)
    assert passwordless.post(CONNECT)["Location"].startswith("/accounts/confirm/")
    come(passwordless, okta, auth_time=int(time.time()))
    assert passwordless.post(CONNECT).status_code == 200


def test_somebody_else_at_the_provider_proves_nothing_and_it_goes_on_at_no_other_site(passwordless, okta):
    response = come(passwordless, okta, path=CONFIRM, sub="00u-mallory")
    assert (response.status_code, heading(response)) == (403, "That was somebody else")
    assert passwordless.post(CONNECT)["Location"].startswith("/accounts/confirm/")
    assert come(passwordless, okta, path=CONFIRM, goes_on="https://evil.example/", sub="00u1ada")["Location"] == "/accounts/security/"
