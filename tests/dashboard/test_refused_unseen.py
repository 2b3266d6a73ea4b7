"""What a process remembers about networks with too many failures, so that it needs neither form nor database."""

from contextlib import ExitStack
from datetime import timedelta

import pytest
from django.utils import timezone

from dashboard.people import quotas, throttling
from tests.dashboard.test_sign_in import PAGE


@pytest.fixture(autouse=True)
def _limits(settings, monkeypatch, db):
    settings.FAILURES_PER_CLIENT, settings.FAILURES_PER_ADDRESS = 2, 2
    monkeypatch.setattr(throttling, "_full", {})


def fail(browser, address, times=3):
    """The last one is refused, so the process learns of it."""
    for number in range(times):
        browser.post(PAGE, {"login": f"nobody-{number}@example.com", "password": "wrong"}, REMOTE_ADDR=address)


def refuse(address, after=0):
    return throttling.refuse_unseen(address, is_known=False, takes_password=True, now=timezone.now() + timedelta(seconds=after))


def test_an_address_is_refused_for_as_long_as_its_window_lasts(browser):
    fail(browser, "203.0.113.9")
    assert refuse("203.0.113.9").status == 429
    assert 0 < refuse("203.0.113.9").seconds <= 300
    assert refuse("203.0.113.9", after=301) is None
    assert refuse("203.0.113.10") is None


def test_an_account_that_failed_too_often_leaves_its_address_free(browser, settings):
    settings.FAILURES_PER_ADDRESS = 5
    statuses = [browser.post(PAGE, {"login": "nobody@example.com", "password": "wrong"}, REMOTE_ADDR="203.0.113.9").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert refuse("203.0.113.9") is None


def test_all_of_an_ipv6_network_is_refused(browser):
    fail(browser, "2001:db8:1:1::1")
    assert refuse("2001:db8:1:1::ff").status == 429
    assert refuse("2001:db8:1:2::1") is None


def test_so_is_a_larger_one_in_many_parts_of_which_somebody_failed(browser):
    for number in range(9):
        fail(browser, f"2001:db8:1:{number:x}::1", times=1)
    assert refuse("2001:db8:1:ff::1").status == 429
    assert refuse("2001:db8:1:100::1") is None


def test_somebody_who_is_known_or_sends_no_password_waits_for_no_place_of_strangers(db):
    def refuse_any(**known):
        return throttling.refuse_unseen("203.0.113.9", now=timezone.now(), **known)

    with ExitStack() as held:
        for number in range(throttling.MAX_STRANGERS):
            assert held.enter_context(throttling.place(f"198.51.100.{number}", is_stranger=True))
        assert refuse_any(is_known=False, takes_password=True).status == 503
        assert refuse_any(is_known=True, takes_password=True) is None
        assert refuse_any(is_known=False, takes_password=False) is None
    assert refuse_any(is_known=False, takes_password=True) is None


def test_an_address_that_nothing_shows_is_never_refused(browser):
    fail(browser, "")
    assert refuse("") is None


def test_few_are_remembered(browser, monkeypatch):
    monkeypatch.setattr(throttling, "MAX_FULL", 2)
    for number in range(1, 4):
        fail(browser, f"203.0.113.{number}")
    assert refuse("203.0.113.1") is None
    assert refuse("203.0.113.2").status == refuse("203.0.113.3").status == 429


def test_a_person_whose_look_ups_are_used_up_is_refused_until_the_window_ends(ada, monkeypatch):
    monkeypatch.setattr(quotas, "MAX_LOOK_UPS", 2)
    now, account = timezone.now(), str(ada.pk)
    for _ in range(2):
        assert quotas.refuse_look_up_unseen(account, now=now) is None
        assert quotas.refuse_look_up(ada, now=now) is None
    refusal = quotas.refuse_look_up_unseen(account, now=now)
    assert refusal == quotas.refuse_look_up(ada, now=now)
    assert refusal.status == 429
    assert quotas.refuse_look_up_unseen(account, now=now + timedelta(seconds=refusal.seconds + 1)) is None
    assert quotas.refuse_look_up_unseen(str(ada.pk + 1), now=now) is None
