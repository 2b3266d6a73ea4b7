"""After 100 wrong one-time codes in a row no more are accepted: otherwise one guess would be right some day."""

from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import make_password
from django.utils import timezone

from dashboard.models import User
from dashboard.people import passwords, second_factors
from tests import factories
from tests.dashboard.accounts.conftest import add_passkey, last_event, sign_in
from tests.dashboard.conftest import Browser, text_of

CODE = "/accounts/sign-in/code/"
LOCKED = "One-time codes are locked after 100 wrong ones. Use a passkey or a recovery code, or reset your password: once a day, that allows 10 more tries."


def enter(ada, code, **headers):
    browser = Browser(raise_request_exception=False)
    sign_in(browser, ada)
    return browser.post(CODE, {"code": code}, **headers)


def wrong(app):
    return "000000" if app.code != "000000" else "111111"


def wrong_so_far(count):
    row = Authenticator.objects.get(type="totp")
    row.data["wrong"] = count
    row.save()


@pytest.fixture
def locked(ada, app):
    wrong_so_far(99)
    assert LOCKED in text_of(enter(ada, wrong(app)))


@pytest.mark.usefixtures("locked")
def test_the_hundredth_locks_them_and_the_owner_is_told(ada, app, mailbox):
    assert LOCKED in text_of(enter(ada, app.code))
    assert mailbox.subjects(ada.email).count("One-time codes are locked for your account") == 1
    assert last_event("user.one_time_codes_locked").after == {"wrong_codes": 100}
    assert last_event("user.one_time_codes_locked").target_id == ada.audit_name


def test_the_ninety_ninth_does_not(ada, app):
    wrong_so_far(98)
    assert "That code is wrong or has been used." in text_of(enter(ada, wrong(app)))
    assert enter(ada, app.code).status_code == 302


def test_each_wrong_one_counts_and_a_right_one_begins_again(ada, app):
    for count in (1, 2):
        enter(ada, wrong(app))
        assert Authenticator.objects.get(type="totp").data["wrong"] == count
    assert enter(ada, app.code).status_code == 302
    assert "wrong" not in Authenticator.objects.get(type="totp").data


def test_a_wrong_recovery_code_does_not_count(ada, app):
    enter(ada, "2abc-defg-hjkm")
    assert "wrong" not in Authenticator.objects.get(type="totp").data


@pytest.mark.long
@pytest.mark.usefixtures("locked")
def test_a_recovery_code_unlocks_them(ada, app):
    assert enter(ada, app.recovery_codes[0]).status_code == 302
    assert last_event("user.one_time_codes_unlocked").target_id == ada.audit_name
    assert enter(ada, app.code).status_code == 302


@pytest.mark.usefixtures("locked")
def test_a_passkey_unlocks_them(ada, app):
    second_factors.record_use(factor=add_passkey(ada), actor=factories.TESTS, now=timezone.now())
    assert enter(ada, app.code).status_code == 302


def reset(ada, *, later=timedelta()):
    link = passwords.make_reset_link(User.objects.get(pk=ada.pk)).split("/")[3]
    passwords.reset_password(link=link, hashed_password=make_password(factories.PASSWORD), actor=factories.TESTS, now=timezone.now() + later)


@pytest.mark.usefixtures("locked")
def test_a_reset_of_the_password_unlocks_them(ada, app):
    reset(ada)
    assert enter(ada, app.code).status_code == 302
    assert last_event("user.one_time_codes_unlocked").target_id == ada.audit_name


@pytest.mark.usefixtures("locked", "app")
class TestWhoReadsTheOwnersMail:
    """They can reset the password as often as they like, but have no factor."""

    def test_has_ten_more_codes_by_a_reset(self, ada, app):
        reset(ada)
        assert Authenticator.objects.get(type="totp").data["wrong"] == 90
        wrong_so_far(99)
        assert LOCKED in text_of(enter(ada, wrong(app)))

    def test_and_a_day_later_by_another(self, ada):
        for later, is_locked in ((timedelta(), False), (timedelta(hours=23), True), (timedelta(hours=25), False)):
            wrong_so_far(100)
            reset(ada, later=later)
            assert second_factors.are_one_time_codes_locked(ada) == is_locked

    def test_the_owner_s_own_code_begins_again(self, ada, app):
        reset(ada)
        assert enter(ada, app.code).status_code == 302
        assert "wrong" not in Authenticator.objects.get(type="totp").data


def test_a_reset_forgets_no_wrong_code(ada, app):
    wrong_so_far(50)
    reset(ada)
    assert Authenticator.objects.get(type="totp").data["wrong"] == 50


@pytest.mark.usefixtures("locked")
def test_those_of_others_go_on(ben, ada, app):
    assert not second_factors.are_one_time_codes_locked(ben)
