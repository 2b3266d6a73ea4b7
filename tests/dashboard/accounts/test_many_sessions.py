"""What a sign-in costs others: the same with any number of sessions, and only while its password is checked."""

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clients.models import AuditEvent
from dashboard.audit.words import WORDS
from dashboard.people import passwords, throttling
from dashboard.people.user_sessions import MAX
from tests import factories
from tests.dashboard.accounts.conftest import FIREFOX, age_confirmation, last_event, sign_in
from tests.dashboard.conftest import Browser, text_of

SECURITY = "/accounts/security/"


def open_sessions(user, number):
    """That many, each used a minute before the next one."""
    now = timezone.now()
    for count in range(number):
        key, at = f"{user.pk}-{count}", now - timedelta(minutes=number - count)
        Session.objects.create(session_key=key, session_data="", expire_date=now + timedelta(hours=12))
        UserSession.objects.create(user=user, ip="127.0.0.1", session_key=key, user_agent=FIREFOX, last_seen_at=at)


def keys_of(user):
    return set(UserSession.objects.filter(user=user).values_list("session_key", flat=True))


def count_queries(user):
    browser = Browser()
    with CaptureQueriesContext(connection) as queries:
        assert sign_in(browser, user).status_code == 302
    return len(queries)


def test_a_sign_in_costs_the_same_however_many_sessions_there_are(ada):
    few = count_queries(ada)
    open_sessions(ada, MAX - 2)
    assert count_queries(ada) == few


def test_beyond_50_the_one_that_was_used_least_recently_ends(browser, ada, eve):
    open_sessions(eve, 1)
    open_sessions(ada, MAX + 1)
    assert sign_in(browser, ada).status_code == 302
    assert keys_of(ada) == {f"{ada.pk}-{count}" for count in range(2, MAX + 1)} | {browser.row_key}
    assert not Session.objects.filter(session_key__in=[f"{ada.pk}-0", f"{ada.pk}-1"]).exists()
    assert keys_of(eve) == {f"{eve.pk}-0"}
    event = last_event("user.sessions_ended")
    assert (event.target_id, event.actor, event.after) == (ada.audit_name, ada.audit_name, {"ended": 2, "most": MAX})
    assert "An account has up to 50 sessions." in text_of(browser.get(SECURITY))


def test_up_to_50_none_ends_and_no_event_says_so(browser, ada):
    open_sessions(ada, MAX - 1)
    sign_in(browser, ada)
    assert len(keys_of(ada)) == MAX
    assert last_event("user.sessions_ended") is None


def test_those_that_are_over_already_take_no_room(browser, ada):
    open_sessions(ada, MAX)
    Session.objects.exclude(session_key=f"{ada.pk}-0").delete()
    sign_in(browser, ada)
    assert keys_of(ada) == {f"{ada.pk}-0", browser.row_key}
    assert last_event("user.sessions_ended") is None


@pytest.fixture
def held():
    """For each written event: who waits for a place at that moment, or has one."""
    seen = {}

    def look(execute, sql, params, many, context):
        if sql.startswith(f'INSERT INTO "{AuditEvent._meta.db_table}"'):
            seen.update({event: list(throttling.waiting) for event in params if event in WORDS})
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield seen


class TestOnlyWhileThePasswordIsLookedAt:
    """A person has a place in the queue for passwords, and what follows keeps nobody out."""

    def test_at_sign_in(self, browser, ada, held):
        assert sign_in(browser, ada).status_code == 302
        assert held == {"user.signed_in": []}

    def test_if_a_form_waits_for_a_proof(self, here, demo, held):
        age_confirmation(here)
        client = factories.create_client(demo).secret.client
        asked = here.post(f"/w/demo/clients/{client.client_id}/disable/", {"reason": ""})
        held.clear()
        here.post(asked["Location"], {"password": factories.PASSWORD, "next": f"/w/demo/clients/{client.client_id}/disable/"})
        assert held["user.confirmed"] == held["client.disabled"] == []

    def test_at_a_new_password(self, here, held):
        here.post("/accounts/security/password/", {"current_password": factories.PASSWORD, "new_password": "an-entirely-new-phrase"})
        assert held == {"user.password_changed": []}

    def test_at_a_new_password_by_a_link(self, browser, ada, held):
        browser.post(passwords.make_reset_link(ada), {"new_password": "an-entirely-new-phrase"})
        assert held == {"user.password_reset": []}

    def test_at_a_wrong_one_until_it_is_counted(self, browser, ada, held):
        """Sending many at once gives no more guesses than sending one after the other."""
        sign_in(browser, ada, "wrong")
        assert held == {"user.sign_in_failed": ["127.0.0.1"]}
