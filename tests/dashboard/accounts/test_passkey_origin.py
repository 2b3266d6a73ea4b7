"""A passkey's response counts only if a page of this very origin made it, outside another site's frame: Web Authentication Level 3 §7.1 steps 9 to 11 and
§7.2 steps 12 to 14. A browser makes responses for an RP ID on each port of its host and on each subdomain.
"""

import json

import pytest
from allauth.mfa.models import Authenticator

from tests import factories
from tests.dashboard.accounts.conftest import age_confirmation
from tests.dashboard.accounts.security_key import SecurityKey
from tests.dashboard.conftest import Browser, text_of

NEW, SIGN_IN_BY, CONFIRM, SECURITY = "/accounts/security/passkeys/new/", "/accounts/sign-in/passkey/", "/accounts/confirm/", "/accounts/security/"
ELSEWHERE = [
    {"origin": "https://testserver:8443"},
    {"origin": "https://evil.testserver"},
    {"origin": "http://testserver"},
    {"origin": "https://evil.example"},
    {"origin": "https://testserver.evil.example"},
    {"origin": "null"},
    {"origin": ["https://testserver"]},
    {"crossOrigin": True, "topOrigin": "https://evil.example"},
    {"crossOrigin": "false"},
    {"crossOrigin": True},
]
# The same code reads the answers of every door: these show that it does.
AT_EACH_DOOR = [ELSEWHERE[0], ELSEWHERE[-1]]


def challenge_on(response, name):
    return json.loads(response.content.decode().split(f'<script id="{name}" type="application/json">')[1].split("</script>")[0])["publicKey"]["challenge"]


def register(browser, key, **client_data):
    answer = key.register(challenge_on(browser.get(NEW), "creation-options"), **client_data)
    return browser.post(NEW, {"name": "Laptop", "credential": json.dumps(answer)})


def sign_in_by(browser, key, user, **client_data):
    asked = browser.get(SIGN_IN_BY, headers={"x-requested-with": "XMLHttpRequest"}).json()
    answer = key.answer(asked["request_options"]["publicKey"]["challenge"], user=user, **client_data)
    return browser.post(SIGN_IN_BY, {"credential": json.dumps(answer)})


@pytest.fixture
def key(here):
    """Ada's."""
    key = SecurityKey()
    assert "Passkey Laptop added." in text_of(register(here, key))
    return key


@pytest.mark.long
def test_an_answer_of_this_origin_signs_in_and_of_another_does_not(key, ada):
    browser = Browser()
    for client_data in ELSEWHERE:
        assert "You are not signed in." in text_of(sign_in_by(browser, key, ada, **client_data)), client_data
    assert browser.get(SECURITY).status_code == 302
    assert sign_in_by(browser, key, ada).status_code == 302
    assert browser.get(SECURITY).status_code == 200


@pytest.mark.long
def test_nor_does_it_add_a_passkey_nor_does_one_whose_algorithm_nobody_asked_for(here):
    """§7.1 step 20. It could sign nobody in, and each try would fail."""
    for client_data in AT_EACH_DOOR:
        assert "No passkey was added." in text_of(register(here, SecurityKey(), **client_data)), client_data
    assert "No passkey was added." in text_of(register(here, SecurityKey(algorithm=-999)))
    assert not Authenticator.objects.exists()


@pytest.mark.long
def test_nor_does_it_prove_who_it_is(here, key, ada):
    age_confirmation(here)

    def confirm(**client_data):
        answer = key.answer(challenge_on(here.get(CONFIRM), "request-options"), user=ada, **client_data)
        return here.post(CONFIRM, {"credential": json.dumps(answer), "next": NEW})

    for client_data in AT_EACH_DOOR:
        assert confirm(**client_data).status_code == 200, client_data
        assert here.get(NEW).status_code == 302
    assert confirm()["Location"] == NEW
    assert here.get(NEW).status_code == 200


@pytest.mark.long
def test_nor_is_it_a_second_factor(key, ada):
    def prove(browser, **client_data):
        page = browser.post("/accounts/sign-in/", {"login": ada.email, "password": factories.PASSWORD})["Location"]
        answer = key.answer(challenge_on(browser.get(page), "request-options"), user=ada, **client_data)
        return browser.post(page, {"credential": json.dumps(answer)})

    for client_data in AT_EACH_DOOR:
        browser = Browser()
        assert prove(browser, **client_data).status_code == 200, client_data
        assert browser.get(SECURITY).status_code == 302
    assert prove(browser).status_code == 302
    assert browser.get(SECURITY).status_code == 200
