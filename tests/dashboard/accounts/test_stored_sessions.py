"""The database can't be used to open a session: neither a stolen backup nor a replica lets anybody in. OWASP ASVS 5.0, 7.2."""

from datetime import timedelta
from importlib import import_module

import pytest
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core import serializers
from django.utils import timezone

from dashboard.people.session_store import SessionStore
from tests.dashboard.conftest import Browser, text_of

SECURITY = "/accounts/security/"


def cookie_of(browser):
    return browser.cookies[settings.SESSION_COOKIE_NAME].value


def is_in(cookie):
    browser = Browser()
    browser.cookies[settings.SESSION_COOKIE_NAME] = cookie
    return browser.get(SECURITY).status_code == 200


def test_no_row_holds_what_the_cookie_does(here, elsewhere):
    rows = "".join(serializers.serialize("json", model.objects.all()) for model in apps.get_models())
    for browser in (here, elsewhere):
        assert is_in(cookie_of(browser))
        assert cookie_of(browser) not in rows


@pytest.mark.parametrize("model", [Session, UserSession])
@pytest.mark.parametrize("length", [32, 40])
def test_what_a_row_holds_is_no_cookie(here, model, length):
    key = model.objects.get().session_key
    assert not is_in(key[:length])
    assert SessionStore(key[:length]).load() == {}
    assert is_in(cookie_of(here))


def test_each_session_is_listed_and_ends_by_its_row(here, elsewhere):
    assert "Firefox" in text_of(here.get(SECURITY))
    other = UserSession.objects.get(session_key=elsewhere.row_key)
    assert here.post(f"{SECURITY}sessions/{other.pk}/end/")["Location"] == SECURITY
    assert [is_in(cookie_of(browser)) for browser in (here, elsewhere)] == [True, False]
    assert here.post("/accounts/sign-out/").status_code == 302
    assert not Session.objects.exists()


def test_a_session_without_a_key_has_no_row(db):
    store = SessionStore()
    store.delete()
    store["name"] = "value"
    store.save()
    assert store.exists(store.session_key)
    assert SessionStore(store.session_key)["name"] == "value"
    store.delete()
    assert not SessionStore(store.session_key).exists(store.session_key)


def test_sessions_of_before_the_upgrade_end(here, ada):
    """Their keys were stored in clear text, and may be in a backup."""
    old = Session.objects.create(session_key="o" * 32, session_data="", expire_date=timezone.now() + timedelta(hours=1))
    UserSession.objects.create(user=ada, ip="127.0.0.1", session_key=old.session_key, user_agent="")
    assert not is_in(old.session_key)
    import_module("dashboard.migrations.0008_session_keys_digested").end_sessions(apps, None)
    assert (Session.objects.count(), UserSession.objects.count()) == (0, 0)
    assert not is_in(cookie_of(here))
