"""Few requests may talk with the provider at once. Strangers can't keep known people out, and one network can't keep others out."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from django.db import connection

from dashboard.people.known_devices import COOKIE
from tests.dashboard.conftest import Browser
from tests.dashboard.sso.conftest import START, begin, come, heading, user_of
from tests.dashboard.sso.hostility import linked, log
from tests.dashboard.sso.provider import respond

__all__ = ["linked", "log"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("linked", "log")]

BUSY = (503, "Too many people are signing in at this moment")


def at(address):
    return Browser(raise_request_exception=False, REMOTE_ADDR=address)


def ask(browser, url):
    try:
        return browser.get(url)
    finally:
        connection.close()


@pytest.fixture
def hold(okta):
    """A function that lets browsers come back from the provider with a slow code. It returns how many wait for the response."""
    end = Event()
    waiting = []

    def answer(handler):
        form = okta.requests[-1][2]
        if form["code"] != ["made up"]:
            respond(json.dumps(okta.answer("/token", form)))(handler)
            return
        waiting.append(form)
        end.wait(20)
        respond("{}", status=400)(handler)

    okta.replies["/token"] = answer
    with ThreadPoolExecutor(6) as threads:

        def start(*senders):
            browsers = [at(sender) if isinstance(sender, str) else sender for sender in senders]
            callbacks = [okta.authorize(begin(browser), code="made up") for browser in browsers]
            answers = [threads.submit(ask, browser, callback) for browser, callback in zip(browsers, callbacks, strict=True)]
            while len(waiting) + sum(one.done() for one in answers) < len(senders):
                end.wait(0.01)
            return len(waiting)

        try:
            yield start
        finally:
            end.set()


def test_one_stranger_has_one_conversation_at_a_time(okta, ada, hold):
    assert hold(*["203.0.113.9"] * 4) == 1
    other = at("198.51.100.7")
    assert come(other, okta).status_code == 302
    assert user_of(other) == ada.pk


def test_addresses_of_one_ipv6_network_have_one_together(okta, ada, hold):
    assert hold("2001:db8:7::1", "2001:db8:7:1::1", "2001:db8:7:ff00::1") == 1
    other = at("2001:db8:8::1")
    come(other, okta)
    assert user_of(other) == ada.pk


@pytest.mark.long
def test_strangers_of_many_networks_leave_one_to_who_signed_in_before(okta, ada, hold):
    known = at("192.0.2.1")
    come(known, okta)
    known.post("/accounts/sign-out/")
    assert known.cookies[COOKIE].value
    assert hold("203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4") == 2
    stranger = at("192.0.2.1")
    answer = come(stranger, okta)
    assert (answer.status_code, heading(answer), user_of(stranger)) == (*BUSY, None)
    come(known, okta)
    assert user_of(known) == ada.pk


@pytest.mark.long
def test_and_to_who_proves_who_they_are(okta, ada, hold):
    """It opens the pages that revoke."""
    known = at("192.0.2.1")
    come(known, okta)
    del known.cookies[COOKIE]
    hold("203.0.113.1", "203.0.113.2", "203.0.113.3")
    assert come(known, okta, path="/accounts/confirm/sso/", goes_on="/accounts/security/").status_code == 302


def test_one_person_has_one_as_well(okta, ada, hold):
    first, second = at("192.0.2.1"), at("192.0.2.2")
    come(first, okta)
    second.cookies[COOKIE] = first.cookies[COOKIE].value
    assert hold(first, second) == 1


def test_the_way_to_the_provider_is_shown_without_a_place_while_it_is_known(okta, hold):
    hold("203.0.113.1", "203.0.113.2", "203.0.113.3")
    assert at("203.0.113.1").post(START).status_code == 200
