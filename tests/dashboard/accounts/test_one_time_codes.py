"""One-time codes: turning them on and off, and signing in with them."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session

from dashboard.people import kept_by_browser
from oauth.models import FailureCount
from tests import factories
from tests.dashboard.accounts.conftest import SIGN_IN, app_code, last_event, prove, sign_in
from tests.dashboard.conftest import Browser, text_of

ON, OFF, CODE = "/accounts/security/codes/on/", "/accounts/security/codes/off/", "/accounts/sign-in/code/"
WRONG = "That code is wrong or has been used. Codes change every 30 s."


def shown_secret(browser):
    text = browser.get(ON).content.decode()
    assert "<svg" in text.split("<main")[1]
    assert 'role="img"' in text
    return text.split('data-copy="')[1].split('"')[0]


def test_a_code_of_the_app_turns_them_on_and_shows_recovery_codes_once(here, ada, mailbox):
    seen, secret = shown_secret(here), shown_secret(here)
    # Who saw one on the screen before would know every code of the one that turned it on later.
    assert seen != secret
    assert "One-time codes are still off." in text_of(here.post(ON, {"code": app_code(seen)}))
    assert all(secret not in str(session.get_decoded()) for session in Session.objects.all())
    response = here.post(ON, {"code": app_code(secret)})
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    assert "Save the codes now" in response.content.decode()
    assert Authenticator.objects.filter(user=ada).count() == 2
    assert secret not in str(list(Authenticator.objects.values_list("data", flat=True)))
    assert "10 of 10 left" in here.get("/accounts/security/").content.decode()
    assert mailbox.subjects(ada.email) == ["One-time codes are on for your account"]
    assert last_event("user.one_time_codes_on").target_id == ada.audit_name
    assert last_event("user.recovery_codes_made").after == {"codes": 10}
    assert here.post(ON, {"code": app_code(secret)})["Location"] == OFF
    assert Authenticator.objects.filter(user=ada, type="totp").count() == 1


def test_after_a_wrong_code_the_same_one_counts_but_is_not_shown_again(here):
    """The app has it by then, and somebody with a copy of the session's cookie could get it by sending a wrong code."""
    secret = shown_secret(here)
    page = here.post(ON, {"code": "000000"})
    assert secret not in page.content.decode().replace(" ", "")
    assert "The secret is shown once. If it isn’t in your app, start again with a new one." in text_of(page)
    assert "Save the codes now" in text_of(here.post(ON, {"code": app_code(secret)}))


def test_a_form_without_a_secret_that_waits_for_it_or_that_is_older_than_10_minutes_shows_another(here, monkeypatch):
    """As from a page that was opened before somebody turned them on and off."""
    page = here.post(ON, {"code": "000000"})
    assert "The secret has changed. Scan the new one, then enter its code." in text_of(page)
    secret = shown_secret(here)
    monkeypatch.setattr(kept_by_browser, "SECONDS", -1)
    assert secret not in here.post(ON, {"code": app_code(secret)}).content.decode()
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize("code", ["000000", "", "12 34", "1" * 33, "１２３４５６", "a\0b", "🙂🙂🙂🙂🙂🙂"])
def test_anything_else_leaves_them_off(here, code):
    shown_secret(here)
    response = here.post(ON, {"code": code})
    assert response.status_code == 200
    assert "One-time codes are still off." in response.content.decode()
    assert not Authenticator.objects.exists()


def test_after_the_password_a_code_is_asked_for_and_leads_to_the_page_that_was_asked_for(browser, ada, app):
    # Without the password there is no such page, and starting over forgets it.
    assert browser.get(CODE)["Location"] == SIGN_IN
    sign_in(browser, ada)
    browser.post("/accounts/sign-out/")
    assert browser.post(CODE, {"code": app.code})["Location"] == SIGN_IN
    assert browser.post(SIGN_IN, {"login": ada.email, "password": factories.PASSWORD, "next": "/w/"})["Location"] == CODE
    assert browser.get("/accounts/security/").status_code == 302
    assert browser.post(CODE, {"code": app.code})["Location"] == "/w/"
    assert browser.get("/accounts/security/").status_code == 200
    assert last_event("user.signed_in").after == {"method": "password and one-time code"}


@pytest.mark.long
def test_a_code_works_once_and_no_older_one_after_a_newer(ada, app):
    """RFC 6238 §5.2. Somebody may have seen a code that its owner didn't send."""
    for steps, expected in ((0, 302), (0, 200), (-1, 200), (1, 302), (0, 200)):
        browser = Browser(raise_request_exception=False)
        sign_in(browser, ada)
        response = browser.post(CODE, {"code": app_code(app.secret, steps=steps)})
        assert response.status_code == expected, steps
    assert WRONG in response.content.decode()


@pytest.mark.long
def test_nor_does_the_code_that_turned_them_on_or_an_older_one(here, ada):
    secret = shown_secret(here)
    here.post(ON, {"code": app_code(secret)})
    browser = Browser(raise_request_exception=False)
    sign_in(browser, ada)
    for steps in (-1, 0):
        assert WRONG in browser.post(CODE, {"code": app_code(secret, steps=steps)}).content.decode()
    assert browser.post(CODE, {"code": app_code(secret, steps=1)}).status_code == 302


def test_a_clock_may_be_one_step_off_and_no_more(browser, ada, app):
    sign_in(browser, ada)
    assert browser.post(CODE, {"code": app_code(app.secret, steps=3)}).status_code == 200
    assert browser.post(CODE, {"code": app_code(app.secret, steps=-1)}).status_code == 302


def test_after_5_wrong_codes_the_sign_in_has_ended_and_the_account_is_told(browser, ada, app, mailbox):
    sign_in(browser, ada)
    for _ in range(4):
        assert browser.post(CODE, {"code": "000000"}).status_code == 200
    assert browser.post(CODE, {"code": "000000"})["Location"] == SIGN_IN
    assert "Too many wrong codes." in browser.get(SIGN_IN).content.decode()
    assert browser.post(CODE, {"code": app.code})["Location"] == SIGN_IN
    assert mailbox.subjects(ada.email) == ["Somebody has your password but not your code"]


@pytest.mark.long
@pytest.mark.parametrize("guessed", ["000000", "aaaa-aaaa-aaaa"])
def test_codes_guessed_from_many_addresses_end_too_and_keep_none_of_the_other_kind_from_working(ada, app, settings, guessed):
    """Otherwise, somebody who knows the password could lock the owner out for as long as they like."""
    settings.FAILURES_PER_CLIENT = 3
    for number in range(3):
        browser = Browser(raise_request_exception=False, REMOTE_ADDR=f"203.0.113.{number}")
        sign_in(browser, ada)
        browser.post(CODE, {"code": guessed})
    browser = Browser(raise_request_exception=False, REMOTE_ADDR="203.0.113.9")
    sign_in(browser, ada)
    if guessed == "000000":
        assert "Too many wrong codes from many places." in browser.post(CODE, {"code": app.code}).content.decode()
    assert browser.post(CODE, {"code": app.recovery_codes[0] if guessed == "000000" else app.code})["Location"] == "/"


def test_wrong_codes_count_as_wrong_passwords_do(browser, ada, app, settings):
    settings.FAILURES_PER_CLIENT = 2
    sign_in(browser, ada)
    for _ in range(2):
        browser.post(CODE, {"code": "000000"})
    response = browser.post(CODE, {"code": app.code})
    assert response.status_code == 429
    assert re.search(r"Too many attempts\. Wait \d+ (s|min) and try again\.", response.content.decode())
    assert FailureCount.objects.exists()


def test_turning_them_off_takes_the_recovery_codes_along(here, ada, app, mailbox):
    prove(here, app.factor)
    assert "your recovery codes are removed too" in here.get(OFF).content.decode()
    assert here.post(OFF)["Location"] == "/accounts/security/"
    assert not Authenticator.objects.exists()
    assert mailbox.subjects(ada.email) == ["One-time codes are off for your account"]
    assert last_event("user.one_time_codes_off")
    assert here.get(OFF).status_code == 302
