"""A passkey whose signature counter doesn't grow may have been copied, so it is refused and its owner is told: Web Authentication Level 3 §6.1.1."""

import json

import pytest
from allauth.mfa.models import Authenticator

from clients.models import AuditEvent
from tests import factories
from tests.dashboard.accounts.conftest import age_confirmation, last_event
from tests.dashboard.accounts.security_key import SecurityKey
from tests.dashboard.accounts.test_passkey_origin import CONFIRM, NEW, SECURITY, challenge_on, register, sign_in_by
from tests.dashboard.conftest import Browser, text_of

REFUSED = "This passkey may have been copied, so it was refused."
SUBJECT = "A passkey of your account may have been copied: Laptop"


@pytest.fixture
def add(here, mailbox):
    """Adds a key to Ada's account. Returns it."""

    def add(counter):
        key = SecurityKey(counter=counter)
        assert "Passkey Laptop added." in text_of(register(here, key))
        mailbox.clear()
        return key

    return add


def signs_in(key, user, counter):
    key.counter = counter
    return sign_in_by(Browser(), key, user).status_code == 302


@pytest.mark.long
@pytest.mark.parametrize(
    ("registered", "uses"),
    [
        (0, [(0, True), (0, True)]),
        (0, [(1, True), (2, True), (9, True)]),
        (7, [(8, True), (8, False), (9, True)]),
        (7, [(7, False), (6, False), (0, False), (8, True)]),
        (0, [(5, True), (0, False), (5, False), (4_294_967_295, True)]),
    ],
)
def test_it_signs_in_while_its_counter_grows_or_stays_0(add, ada, registered, uses):
    key = add(registered)
    for counter, expected in uses:
        assert signs_in(key, ada, counter) == expected, (counter, uses)


def test_a_refusal_says_why_is_in_the_audit_log_and_is_told_to_the_owner(add, ada, mailbox):
    key = add(7)
    browser = Browser()
    text = text_of(sign_in_by(browser, key, ada))
    assert REFUSED in text
    assert "You are not signed in." in text
    assert browser.get(SECURITY).status_code == 302
    event = last_event("user.passkey_refused")
    assert (event.target_id, event.before, event.after) == (ada.audit_name, {"counter": 7}, {"name": "Laptop", "counter": 7})
    [message] = mailbox(ada.email)
    assert message.subject == SUBJECT
    assert "Remove this passkey and add a new one" in message.body
    assert "127.0.0.1" in message.body
    assert "you don’t need to do anything" not in message.body


def test_many_refusals_send_one_mail_an_hour(add, ada, mailbox):
    key = add(7)
    for _ in range(3):
        assert not signs_in(key, ada, 7)
    assert mailbox.subjects(ada.email) == [SUBJECT]
    assert AuditEvent.objects.filter(event="user.passkey_refused").count() == 1


def test_nor_does_it_prove_who_it_is(here, add, ada, mailbox):
    key = add(7)
    age_confirmation(here)
    answer = key.answer(challenge_on(here.get(CONFIRM), "request-options"), user=ada)
    assert REFUSED in text_of(here.post(CONFIRM, {"credential": json.dumps(answer), "next": NEW}))
    assert here.get(NEW).status_code == 302
    assert mailbox.subjects(ada.email) == [SUBJECT]


def test_nor_is_it_a_second_factor(add, ada, mailbox):
    key, browser = add(7), Browser()
    page = browser.post("/accounts/sign-in/", {"login": ada.email, "password": factories.PASSWORD})["Location"]
    answer = key.answer(challenge_on(browser.get(page), "request-options"), user=ada)
    assert REFUSED in text_of(browser.post(page, {"credential": json.dumps(answer)}))
    assert browser.get(SECURITY).status_code == 302
    assert SUBJECT in mailbox.subjects(ada.email)


def test_a_passkey_that_was_used_before_counters_were_kept_begins_with_its_registration(add, ada):
    key = add(7)
    assert signs_in(key, ada, 8)
    passkey = Authenticator.objects.get(type="webauthn")
    del passkey.data["counter"]
    passkey.save()
    assert not signs_in(key, ada, 7)
    assert signs_in(key, ada, 8)
