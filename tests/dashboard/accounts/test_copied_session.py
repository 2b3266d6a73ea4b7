"""Whoever has a copy of a session's cookie keeps its owner from no proof: what a browser was asked is its own, and isn't in the session that both have."""

import json

import pytest
from allauth.mfa.models import Authenticator

from clients.models import AuditEvent
from dashboard.people import kept_by_browser, passkeys, second_factors
from tests.dashboard.accounts.conftest import age_confirmation, app_code
from tests.dashboard.accounts.security_key import SecurityKey
from tests.dashboard.accounts.test_one_time_codes import ON, shown_secret
from tests.dashboard.accounts.test_passkey_origin import CONFIRM, NEW, challenge_on, register, sign_in_by
from tests.dashboard.conftest import Browser, text_of
from tests.dashboard.conftest import sign_in as as_person


@pytest.fixture
def key(here):
    """Ada's."""
    key = SecurityKey()
    assert "Passkey Laptop added." in text_of(register(here, key))
    return key


@pytest.fixture
def thief(here, key):
    """With a copy of the session's cookie, as it was after the passkey was added."""
    thief = Browser()
    thief.cookies["__Host-session"] = here.cookies["__Host-session"].value
    return thief


def answer_of(key, challenge, user):
    return {"credential": json.dumps(key.answer(challenge, user=user)), "next": "/"}


def test_the_owner_proves_it_by_a_passkey_however_often_the_other_asks(here, thief, key, ada):
    age_confirmation(here)
    challenge = challenge_on(here.get(CONFIRM), "request-options")
    for _ in range(3):
        assert thief.get(CONFIRM).status_code == 200
    assert here.post(CONFIRM, answer_of(key, challenge, ada)).status_code == 302
    assert not AuditEvent.objects.filter(event="user.confirmation_failed").exists()


def test_and_adds_one(here, thief, ada):
    challenge = challenge_on(here.get(NEW), "creation-options")
    assert thief.get(NEW).status_code == 200
    answer = SecurityKey().register(challenge)
    assert here.post(NEW, {"name": "Phone", "credential": json.dumps(answer)}).status_code == 302
    assert second_factors.of(ada, Authenticator.Type.WEBAUTHN).count() == 2


def test_what_one_browser_was_asked_no_other_answers(here, thief, key, ada):
    challenge = challenge_on(here.get(CONFIRM), "request-options")
    thief.get(CONFIRM)
    assert thief.post(CONFIRM, answer_of(key, challenge, ada)).status_code == 200


def test_an_answer_counts_once(here, key, ada):
    asked = here.get(CONFIRM)
    answer = answer_of(key, challenge_on(asked, "request-options"), ada)
    question = here.cookies[passkeys.COOKIE].value
    assert here.post(CONFIRM, answer).status_code == 302
    here.cookies[passkeys.COOKIE] = question
    page = here.post(CONFIRM, answer)
    assert "its response came too late" in text_of(page)


def test_a_question_ends_after_ten_minutes(here, key, ada, monkeypatch):
    challenge = challenge_on(here.get(CONFIRM), "request-options")
    assert here.cookies[passkeys.COOKIE]["max-age"] == 600
    monkeypatch.setattr(kept_by_browser, "SECONDS", -1)
    assert "its response came too late" in text_of(here.post(CONFIRM, answer_of(key, challenge, ada)))


def test_who_is_asked_to_add_one_proves_nothing_by_the_answer(here, key, ada):
    challenge = challenge_on(here.get(NEW), "creation-options")
    assert "its response came too late" in text_of(here.post(CONFIRM, answer_of(key, challenge, ada)))


def test_an_answer_to_that_signs_nobody_in(here, key, ada):
    """In a browser that has the question as well, of a page that anybody may open who has an account."""
    challenge = challenge_on(here.get(CONFIRM), "request-options")
    other = Browser()
    other.cookies[passkeys.COOKIE] = here.cookies[passkeys.COOKIE].value
    assert other.post("/accounts/sign-in/passkey/", answer_of(key, challenge, ada)).status_code == 200


def test_nor_does_one_of_another_session_of_the_same_person_prove_it(here, key, ada):
    challenge = challenge_on(here.get(CONFIRM), "request-options")
    other = as_person(ada)
    other.cookies[passkeys.COOKIE] = here.cookies[passkeys.COOKIE].value
    assert "its response came too late" in text_of(other.post(CONFIRM, answer_of(key, challenge, ada)))


def test_the_secret_of_one_time_codes_is_not_pushed_out(here, thief, ada):
    secret = shown_secret(here)
    assert shown_secret(thief) != secret
    here.post(ON, {"code": app_code(secret)})
    assert second_factors.of(ada, Authenticator.Type.TOTP).exists()


def test_and_is_offered_to_that_browser_alone(here, thief, ada):
    secret = shown_secret(here)
    thief.post(ON, {"code": app_code(secret)})
    assert not second_factors.of(ada, Authenticator.Type.TOTP).exists()


def test_who_was_asked_nothing_answers_nothing(here, key, ada):
    challenge = challenge_on(here.get(CONFIRM), "request-options")
    del here.cookies[passkeys.COOKIE]
    assert "its response came too late" in text_of(here.post(CONFIRM, answer_of(key, challenge, ada)))


def test_the_question_is_for_pages_of_ours_only(key, ada):
    browser = Browser()
    assert sign_in_by(browser, key, ada).status_code == 302
    cookie = browser.cookies[passkeys.COOKIE]
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, True, "Strict", "/")
