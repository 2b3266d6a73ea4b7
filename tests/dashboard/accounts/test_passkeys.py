"""Passkeys, as far as tests without an authenticator can go; tests/browser has one."""

import json

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.utils import timezone

from clients.models import AuditEvent
from dashboard.people import second_factors
from tests import factories
from tests.dashboard.accounts.conftest import SIGN_IN, App, add_passkey, age_confirmation, last_event, prove, sign_in
from tests.dashboard.conftest import Browser, text_of

NEW, SIGN_IN_BY = "/accounts/security/passkeys/new/", "/accounts/sign-in/passkey/"
REFUSED = "That passkey isn’t known here"


def page(passkey, what):
    return f"/accounts/security/passkeys/{passkey.pk}/{what}/"


def test_the_page_asks_the_browser_for_one_that_signs_in_by_itself(here, ada):
    text = here.get(NEW).content.decode()
    options = json.loads(text.split('<script id="creation-options" type="application/json">')[1].split("</script>")[0])["publicKey"]
    assert options["rp"]["id"] == "testserver"
    assert options["user"]["name"] == ada.email
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["authenticatorSelection"]["userVerification"] == "required"


NESTED = "[" * 20000
MALFORMED = [
    "",
    "{",
    "[]",
    "null",
    "7",
    '"text"',
    NESTED,
    '{"a":' * 5000,
    "{}",
    '{"id": 7}',
    '{"id": "x", "rawId": "x", "type": "public-key", "response": {}}',
    '{"id": "eA", "rawId": "eA", "type": "public-key", "response": {"clientDataJSON": "eA", "attestationObject": "eA", "authenticatorData": "eA"}}',
    '{"id": "eA", "rawId": "eA", "type": "public-key", "response": {"clientDataJSON": "e30", "attestationObject": "oA"}}',
    '{"id": "eA", "rawId": "eA", "type": "public-key", "response": {"clientDataJSON": "e30", "authenticatorData": "eA", "signature": "eA"}}',
    '{"id": "\\u0000", "response": null}',
    '{"id": "\\ud800"}',
    '{"id": "\\udfff", "rawId": "\\ud800", "type": "\\ud800", "response": {"clientDataJSON": "\\ud800", "userHandle": "\\ud800"}}',
    '{"id": ["\\ud800"], "\\ud800": "\\u0000"}',
    '{"id": "eA", "rawId": "eA", "type": "public-key", "response": {"clientDataJSON": "e30", "authenticatorData": "eA", "userHandle": "AA"}}',
    *('{"id": ' + "[" * depth + "]" * depth + "}" for depth in (500, 850, 925, 950)),
    '{"id": 1' + "0" * 5000 + "}",
    '{"id": 1' + "0" * 4290 + "}",
    '{"id": 1e999}',
    '{"id": NaN}',
    '{"id": {"id": {"id": null}}}',
    "x" * 100_000,
]


@pytest.mark.parametrize("credential", MALFORMED)
def test_what_no_authenticator_answers_adds_none_and_lets_nobody_in(here, credential):
    here.get(NEW)
    response = here.post(NEW, {"name": "Laptop", "credential": credential})
    assert response.status_code == 200
    assert "No passkey was added." in response.content.decode()
    assert not Authenticator.objects.exists()
    stranger = Browser()
    stranger.get(SIGN_IN_BY, headers={"x-requested-with": "XMLHttpRequest"})
    response = stranger.post(SIGN_IN_BY, {"credential": credential})
    assert response.status_code == 200
    assert "You are not signed in." in response.content.decode()


@pytest.mark.parametrize("credential", ["", NESTED, '{"id": "eA"}', '{"id": "\\ud800"}'])
def test_nor_is_it_a_second_factor(ada, credential):
    stranger = Browser()
    App(ada)
    sign_in(stranger, ada)
    assert stranger.post("/accounts/sign-in/code/", {"credential": credential}).status_code == 200
    assert stranger.get("/accounts/security/").status_code == 302


PLACES = ['{"id": "%s"}', '{"id": "eA", "%s": 1}', '{"response": {"transports": ["usb", "%s"]}}']
NO_DATABASE_TAKES = [place % text for place in PLACES for text in ("\\u0000", "\\ud800", "a\\udfffb")]


@pytest.mark.parametrize("credential", [*NO_DATABASE_TAKES, '{"id": NaN}', '{"id": 1e999}', '{"id": -Infinity}'])
def test_what_no_database_takes_is_no_answer_of_a_passkey(browser, here, credential):
    """Also if a passkey is added: the response is stored unchanged."""
    for response in (Browser().post(SIGN_IN_BY, {"credential": credential}), here.post(NEW, {"name": "Laptop", "credential": credential})):
        assert response.status_code == 200
        assert "The passkey’s response can’t be read. Try again." in text_of(response)


def test_an_answer_that_is_longer_than_any_is_not_read(browser, ada):
    """The library copies the rest of the CBOR at each item."""

    def answer(length):
        empty = json.dumps({"id": ""})
        return browser.post(SIGN_IN_BY, {"credential": json.dumps({"id": "x" * (length - len(empty))})}).content.decode()

    assert REFUSED in answer(12 * 1024)
    assert "The passkey’s response can’t be read. Try again." in answer(12 * 1024 + 1)


@pytest.mark.parametrize("handle", ["eA", "LTE", "enp6enp6enp6enp6enp6", "MQ", "4pi6", "x" * 40])
def test_a_user_handle_of_nobody_is_refused(browser, ada, handle):
    browser.get(SIGN_IN_BY, headers={"x-requested-with": "XMLHttpRequest"})
    answer = {
        "id": "eA",
        "rawId": "eA",
        "type": "public-key",
        "response": {"clientDataJSON": "e30", "authenticatorData": "eA", "signature": "eA", "userHandle": handle},
    }
    assert browser.post(SIGN_IN_BY, {"credential": json.dumps(answer)}).status_code == 200
    assert browser.get("/accounts/security/").status_code == 302


def test_wrong_ones_are_counted(browser, ada, settings):
    settings.FAILURES_PER_ADDRESS = 2
    for _ in range(2):
        assert REFUSED in browser.post(SIGN_IN_BY, {"credential": "{}"}).content.decode()
    response = browser.post(SIGN_IN_BY, {"credential": "{}"})
    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0


def test_made_up_ones_keep_nobody_at_that_address_from_a_passkey(browser, ada, settings):
    settings.FAILURES_PER_CLIENT = 2
    for number in range(4):
        assert Browser().post(SIGN_IN_BY, {"credential": json.dumps({"id": f"made up {number}"})}).status_code == 200
    for _ in range(2):
        Browser().post(SIGN_IN_BY, {"credential": json.dumps({"id": "the same"})})
    assert Browser().post(SIGN_IN_BY, {"credential": json.dumps({"id": "the same"})}).status_code == 429
    assert Browser().post(SIGN_IN_BY, {"credential": json.dumps({"id": "another"})}).status_code == 200


def test_what_to_ask_a_browser_for_is_for_the_script_only_and_fills_no_table(browser, db):
    assert browser.get(SIGN_IN_BY)["Location"] == SIGN_IN
    options = browser.get(SIGN_IN_BY, headers={"x-requested-with": "XMLHttpRequest"}).json()["request_options"]["publicKey"]
    assert options["userVerification"] == "required"
    assert not options.get("allowCredentials")
    assert not Session.objects.exists()


@pytest.mark.long
def test_it_is_renamed_and_a_bad_name_is_refused(here, ada):
    passkey = prove(here, add_passkey(ada))
    for name in ("", " ", "a\0b", "a\nb", "x" * 101, "x" * 100_000, "\u202egnp.exe"):
        response = here.post(page(passkey, "rename"), {"name": name})
        assert response.status_code == 200
        assert "<title>Error: " in response.content.decode()
        assert second_factors.name_of(Authenticator.objects.get(pk=passkey.pk)) == "Laptop"
    assert here.post(page(passkey, "rename"), {"name": " Blue key ☃ "})["Location"] == "/accounts/security/"
    assert "Blue key ☃" in here.get("/accounts/security/").content.decode()
    event = last_event("user.passkey_renamed")
    assert (event.before, event.after) == ({"name": "Laptop"}, {"name": "Blue key ☃"})


def test_it_is_removed_once_and_the_account_is_told_and_with_the_last_one_go_the_recovery_codes(here, ada, mailbox):
    first, last = add_passkey(ada), prove(here, add_passkey(ada, "Key"))
    here.post(page(first, "remove"))
    assert here.post(page(first, "remove")).status_code == 404
    assert sorted(Authenticator.objects.values_list("type", flat=True)) == ["recovery_codes", "webauthn"]
    [message] = mailbox(ada.email)
    assert message.subject == "A passkey was removed from your account: Laptop"
    assert "127.0.0.1" in message.body
    assert "set a new password" in message.body
    assert AuditEvent.objects.get(event="user.passkey_removed").before == {"name": "Laptop"}
    assert "your recovery codes are removed too" in here.get(page(last, "remove")).content.decode()
    here.post(page(last, "remove"))
    assert not Authenticator.objects.exists()


def test_another_persons_passkey_or_one_that_never_was_is_not_found_and_each_change_asks_for_a_proof_first(here, ada, ben):
    theirs = add_passkey(ben)
    for what in ("rename", "remove"):
        assert here.get(page(theirs, what)).status_code == 404
        assert here.post(page(theirs, what), {"name": "mine"}).status_code == 404
        for pk in ("0", "9" * 30):
            assert here.get(f"/accounts/security/passkeys/{pk}/{what}/").status_code == 404
    assert second_factors.name_of(Authenticator.objects.get(pk=theirs.pk)) == "Laptop"
    own = add_passkey(ada)
    age_confirmation(here)
    for path in (page(own, "rename"), page(own, "remove"), NEW):
        assert here.get(path)["Location"].startswith("/accounts/confirm/?next=")


@pytest.mark.long
def test_there_are_at_most_20(here, ada):
    for number in range(20):
        add_passkey(ada, f"Key {number}")
    with pytest.raises(ValidationError, match=r"You have 20 passkeys\. Remove one first\."):
        second_factors.add_passkey(user=ada, name="more", credential={}, actor=factories.TESTS, now=timezone.now())
