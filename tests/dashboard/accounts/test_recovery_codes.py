"""Recovery codes: the way back in without phone or key."""

import pytest
from allauth.mfa.models import Authenticator

from tests.dashboard.accounts.conftest import App, last_event, sign_in
from tests.dashboard.conftest import Browser

CODE, NEW = "/accounts/sign-in/code/", "/accounts/security/recovery-codes/new/"


def enter(ada, code):
    browser = Browser(raise_request_exception=False)
    sign_in(browser, ada)
    return browser, browser.post(CODE, {"code": code})


def test_one_lets_in_once_and_says_how_many_are_left(ada, app, mailbox):
    browser, response = enter(ada, app.recovery_codes[3])
    assert response["Location"] == "/"
    assert "9 of 10 recovery codes are left." in browser.get("/accounts/security/").content.decode()
    assert "A recovery code of your account was used" in mailbox.subjects(ada.email)
    assert last_event("user.recovery_code_used").after == {"left": 9}
    assert last_event("user.signed_in").after == {"method": "password and recovery code"}
    assert enter(ada, app.recovery_codes[3])[1].status_code == 200


def test_spaces_in_between_do_no_harm(ada, app):
    code = app.recovery_codes[0]
    assert enter(ada, f" {code[:4]} {code[4:]} ")[1].status_code == 302


def test_new_ones_end_the_old_ones_and_are_shown_once(here, ada, app, mailbox):
    assert "stop working at once" in here.get(NEW).content.decode()
    text = here.post(NEW).content.decode()
    new = text.split('<code id="recovery-codes">')[1].split("</code>")[0].split()
    assert len(set(new)) == 10
    assert new[0] in text.split('href="data:text/plain;charset=utf-8,')[1].split('"')[0]
    assert mailbox.subjects(ada.email) == ["New recovery codes were made for your account"]
    assert enter(ada, app.recovery_codes[0])[1].status_code == 200
    assert enter(ada, new[0])[1].status_code == 302
    assert new[1] not in here.get("/accounts/security/").content.decode()


def test_they_are_nowhere_in_clear_text(here, app):
    text = here.post(NEW).content.decode()
    code = text.split('<code id="recovery-codes">')[1].split()[0]
    assert code not in str(list(Authenticator.objects.values_list("data", flat=True)))
    assert code not in str(last_event("user.recovery_codes_made").after)


def test_without_a_strong_factor_there_are_none(here):
    text = here.post(NEW).content.decode()
    assert "Add a passkey or turn on one-time codes first." in text
    assert "<title>Error: " in text
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize("code", ["99999999", "9" * 32, "8 8"])
def test_a_wrong_one_is_refused_as_any_code(ada, app, code):
    assert "That code is wrong or was used." in enter(ada, code)[1].content.decode()


def test_a_code_of_another_account_is_a_wrong_one(ben, ada, app):
    of_ben = App(ben)
    assert enter(ada, of_ben.recovery_codes[0])[1].status_code == 200
