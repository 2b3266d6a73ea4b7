"""A proof at the provider changes the session's key: an earlier copy of the cookie has proved nothing. OWASP ASVS 5.0, 7.2.4."""

import time

import pytest
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session

from dashboard.people.sso.provider import Provider
from tests.dashboard.accounts.conftest import age_confirmation
from tests.dashboard.conftest import Browser, sign_in
from tests.dashboard.sso.conftest import START, come, events
from tests.dashboard.sso.test_connection import CONNECT

pytestmark = pytest.mark.django_db

CONFIRM, NEW_PASSKEY = "/accounts/confirm/sso/", "/accounts/security/passkeys/new/"


@pytest.fixture
def old(browser, demo, ada, okta):
    """Ada's browser, in which she signed in 11 minutes ago."""
    SocialAccount.objects.create(user=ada, provider=okta.issuer, uid="00u1ada")
    come(browser, okta)
    age_confirmation(browser)
    return browser


@pytest.fixture
def copy(old):
    """The browser of somebody who copied Ada's cookie."""
    browser = Browser(raise_request_exception=False)
    browser.cookies[settings.SESSION_COOKIE_NAME] = old.session.session_key
    assert browser.get(NEW_PASSKEY)["Location"].startswith("/accounts/confirm/")
    return browser


@pytest.mark.parametrize("path", [CONFIRM, START])
def test_a_copy_of_the_cookie_has_no_share_in_the_proof(old, copy, okta, ada, path):
    before = old.row_key
    come(old, okta, path=path, goes_on=NEW_PASSKEY, auth_time=int(time.time()))
    assert old.get(NEW_PASSKEY).status_code == 200
    assert copy.get(NEW_PASSKEY)["Location"].startswith("/accounts/sign-in/")
    assert not Session.objects.filter(session_key=before).exists()
    assert [row.session_key for row in UserSession.objects.filter(user=ada)] == [old.row_key]


@pytest.fixture
def here(ada, monkeypatch):
    """Another of Ada's browsers, in which she ends all others while the provider is asked."""
    here, userinfo = sign_in(ada), Provider.userinfo

    def end_meanwhile(*arguments):
        assert here.post("/accounts/security/sessions/end-others/").status_code == 302
        return userinfo(*arguments)

    monkeypatch.setattr(Provider, "userinfo", end_meanwhile)
    return here


@pytest.mark.parametrize("path", [CONFIRM, START])
def test_a_session_that_ends_while_it_proves_itself_gets_no_new_life(old, okta, ada, path, here):
    assert come(old, okta, path=path, goes_on=NEW_PASSKEY, auth_time=int(time.time())).status_code == 400
    assert old.get(NEW_PASSKEY)["Location"].startswith("/accounts/sign-in/")
    assert [row.session_key for row in UserSession.objects.filter(user=ada)] == [here.row_key]
    assert not events("user.confirmed")


@pytest.mark.parametrize("path", [CONNECT, START])
def test_nor_does_it_connect_the_account_with_the_person_from_the_provider(browser, demo, okta, ada, settings, path, here):
    settings.SSO_DOMAINS = ["example.com"]
    sign_in(ada, browser)
    assert come(browser, okta, path=path).status_code == 400
    assert not SocialAccount.objects.exists()
    assert not events("user.sso_connected")
