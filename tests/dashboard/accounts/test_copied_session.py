"""A copy of a session's cookie can't block the owner's proof: each browser keeps its own question, outside the shared session."""

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
    """A browser with a copy of the session's cookie from after the passkey was added."""
    thief = Browser()
    thief.cookies["__Host-session"] = here.cookies["__Host-session"].value
    return thief


def answer_of(key, challenge, user):
    return {"credential": json.dumps(key.answer(challenge, user=user)), "next": "/"}


@pytest.mark.long
def test_the_owner_proves_it_by_a_passkey_and_adds_one_however_often_the_other_asks_who_answers_nothing(here, thief, key, ada):
    challenge = challenge_on(here.get(NEW), "creation-options")
    assert thief.get(NEW).status_code == 200
    answer = SecurityKey().register(challenge)
    assert here.post(NEW, {"name": "Phone", "credential": json.dumps(answer)}).status_code == 302
    assert second_factors.of(ada, Authenticator.Type.WEBAUTHN).count() == 2
    thief.cookies["__Host-session"] = here.cookies["__Host-session"].value
    age_confirmation(here)
    challenge = challenge_on(here.get(CONFIRM), "request-options")
    for _ in range(3):
        assert thief.get(CONFIRM).status_code == 200
    assert here.post(CONFIRM, answer_of(key, challenge, ada)).status_code == 302
    assert not AuditEvent.objects.filter(event="user.confirmation_failed").exists()
    thief.cookies["__Host-session"] = here.cookies["__Host-session"].value
    challenge = challenge_on(here.get(CONFIRM), "request-options")
    thief.get(CONFIRM)
    assert thief.post(CONFIRM, answer_of(key, challenge, ada)).status_code == 200


@pytest.mark.long
def test_an_answer_counts_once_within_ten_minutes_and_for_what_was_asked(here, key, ada, monkeypatch):
    late = "its response came too late"
    challenge = challenge_on(here.get(NEW), "creation-options")
    assert late in text_of(here.post(CONFIRM, answer_of(key, challenge, ada)))
    challenge = challenge_on(here.get(CONFIRM), "request-options")
    del here.cookies[passkeys.COOKIE]
    assert late in text_of(here.post(CONFIRM, answer_of(key, challenge, ada)))
    answer = answer_of(key, challenge_on(here.get(CONFIRM), "request-options"), ada)
    question = here.cookies[passkeys.COOKIE].value
    assert here.cookies[passkeys.COOKIE]["max-age"] == 600
    assert here.post(CONFIRM, answer).status_code == 302
    here.cookies[passkeys.COOKIE] = question
    assert late in text_of(here.post(CONFIRM, answer))
    challenge = challenge_on(here.get(CONFIRM), "request-options")
    monkeypatch.setattr(kept_by_browser, "SECONDS", -1)
    assert late in text_of(here.post(CONFIRM, answer_of(key, challenge, ada)))


@pytest.mark.long
def test_an_answer_to_that_signs_nobody_in_and_proves_nothing_in_another_session_of_the_same_person(here, key, ada):
    """In a browser that has the question too, from a page that anybody with an account may open."""
    challenge = challenge_on(here.get(CONFIRM), "request-options")
    for other, path in ((Browser(), "/accounts/sign-in/passkey/"), (as_person(ada), CONFIRM)):
        other.cookies[passkeys.COOKIE] = here.cookies[passkeys.COOKIE].value
        assert other.post(path, answer_of(key, challenge, ada)).status_code == 200


@pytest.mark.long
def test_the_secret_of_one_time_codes_is_not_pushed_out_and_offered_to_that_browser_alone(here, thief, ada):
    secret = shown_secret(here)
    thief.post(ON, {"code": app_code(secret)})
    assert not second_factors.of(ada, Authenticator.Type.TOTP).exists()
    assert shown_secret(thief) != secret
    here.post(ON, {"code": app_code(secret)})
    assert second_factors.of(ada, Authenticator.Type.TOTP).exists()


def test_the_question_is_for_pages_of_ours_only(key, ada):
    browser = Browser()
    assert sign_in_by(browser, key, ada).status_code == 302
    cookie = browser.cookies[passkeys.COOKIE]
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, True, "Strict", "/")
