"""How long a session lasts: 12 hours after its last use, and 7 days after the sign-in however it is used. OWASP ASVS 5.0, 7.3.1 and 7.3.2."""

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.utils import timezone

from dashboard.people import user_sessions
from tests import factories
from tests.dashboard.accounts.conftest import SIGN_IN
from tests.dashboard.conftest import text_of

PAGE = "/accounts/security/"
WEEK, USUAL = timedelta(days=7), timedelta(hours=12)


def age(browser, ago):
    """As if it had started then, and been in use except for the last two minutes."""
    session = browser.session
    for record in session["account_authentication_methods"]:
        record["at"] -= ago.total_seconds()
    session[user_sessions.NOTED] = (timezone.now() - timedelta(minutes=2)).timestamp()
    session.save()
    UserSession.objects.update(last_seen_at=timezone.now() - timedelta(minutes=2))


def left(browser):
    return Session.objects.get(session_key=browser.row_key).expire_date - timezone.now()


def test_each_use_lets_it_last_12_hours_more(here):
    Session.objects.update(expire_date=timezone.now() + timedelta(hours=1))
    age(here, timedelta(days=1))
    assert here.get(PAGE).status_code == 200
    assert USUAL - timedelta(minutes=1) < left(here) <= USUAL


def test_after_a_week_it_ends_however_it_was_used(here):
    key = here.row_key
    age(here, WEEK)
    assert here.get(PAGE)["Location"] == f"{SIGN_IN}?next={PAGE}"
    assert not Session.objects.filter(session_key=key).exists()


@pytest.mark.parametrize("remaining", [timedelta(hours=11), timedelta(minutes=3)])
def test_towards_that_end_a_use_lets_it_last_no_longer_and_pages_say_so(here, remaining):
    assert "Stay signed in" in text_of(here.get(PAGE))
    age(here, WEEK - remaining)
    here.get(PAGE)
    assert remaining - timedelta(minutes=1) < left(here) <= remaining
    said = text_of(here.get(PAGE))
    assert "You will be signed out in 2 minutes. Finish what you are doing, then sign in again." in said
    assert "Stay signed in" not in said


def test_a_new_proof_begins_no_new_week(here):
    age(here, WEEK - timedelta(hours=1))
    here.post("/accounts/confirm/", {"password": factories.PASSWORD, "next": PAGE})
    age(here, timedelta(minutes=10))
    here.get(PAGE)
    assert left(here) <= timedelta(minutes=50)
