"""Signing in at the provider: the request, and what follows. Who is let in as which account is in test_admission.py."""

import time
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from dashboard.people import quotas
from dashboard.people.sso import provider
from tests import factories
from tests.dashboard.conftest import Browser, age_session
from tests.dashboard.sso.conftest import CALLBACK, START, begin, come, events, heading, link, user_of

pytestmark = pytest.mark.django_db


# What is asked of the provider


def test_the_sign_in_page_offers_it(browser, okta):
    text = browser.get("/accounts/sign-in/?next=/w/demo/").content.decode()
    assert "Sign in with Okta" in text
    assert f'action="{START}"' in text
    assert 'name="next" value="/w/demo/"' in text


def test_the_request_is_a_code_request_with_pkce_state_and_nonce_of_its_own_whatever_the_query_says(browser, okta):
    random = ("state", "nonce", "code_challenge")
    okta.authorize(begin(browser))
    before = okta.asked
    okta.authorize(begin(browser, path=f"{START}?scope=admin&auth_params=prompt%3Dnone&process=connect"))
    for asked in (before, okta.asked):
        assert (asked["response_type"], asked["client_id"], asked["scope"]) == ("code", "tokenos", "openid email profile")
        assert asked["redirect_uri"] == f"https://testserver{CALLBACK}"
        assert asked["code_challenge_method"] == "S256"
        assert all(len(asked[name]) >= 43 for name in random)
        assert "prompt" not in asked
    assert not {before[name] for name in random} & {okta.asked[name] for name in random}


def test_a_link_alone_or_a_form_of_another_site_begins_nothing(browser, okta):
    """A provider's portal sends people here, but another site could too."""
    response = browser.get(f"{START}?next=/w/demo/")
    assert response.status_code == 200
    assert "Refresh" not in response
    assert Browser(enforce_csrf_checks=True).post(START).status_code == 403
    assert not okta.requests


def test_the_client_authenticates_as_the_provider_takes_it(browser, okta, demo):
    come(browser, okta, groups=["devs"])
    assert okta.headers("/token")["authorization"].startswith("Basic ")
    assert "client_secret" not in okta.forms("/token")[-1]
    okta.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    come(browser, okta)
    assert "authorization" not in okta.headers("/token")
    assert okta.forms("/token")[-1]["client_secret"] == ["only for tests: ü/+~"]
    assert len(okta.forms("/token")[-1]["code_verifier"][0]) >= 43


# How it goes on


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "https:evil.example", "\t//evil.example"]
)
def test_it_goes_on_at_no_other_site(browser, okta, demo, ada, elsewhere):
    link(ada, okta)
    assert come(browser, okta, goes_on=elsewhere)["Location"] == "/"


def test_somebody_who_else_was_signed_in_is_signed_out_and_the_session_ends_after_twelve_hours_however_it_is_used(browser, okta, demo, ada, ben, settings):
    settings.SESSION_COOKIE_AGE = 14 * 24 * 3600
    link(ada, okta)
    browser.force_login(ben)
    before = browser.session.session_key
    come(browser, okta)
    assert user_of(browser) == ada.pk
    assert browser.session.session_key != before
    first = Session.objects.get(session_key=browser.row_key).expire_date
    assert timedelta(hours=11, minutes=59) < first - timezone.now() <= timedelta(hours=12)
    age_session(browser, hours=1)
    assert browser.get("/w/demo/members/").status_code == 200
    assert abs(Session.objects.get(session_key=browser.row_key).expire_date - first) < timedelta(seconds=2)
    browser.cookies.clear()
    url = begin(browser)
    before = browser.session.session_key
    browser.get(okta.authorize(url))
    assert browser.session.session_key != before


def test_strangers_who_begin_often_fill_no_table_and_ask_the_provider_once_in_5_seconds(okta, db, monkeypatch):
    """Anybody may start, and few requests may talk with the provider at once: otherwise a stranger could block everybody else."""
    for _ in range(3):
        begin(Browser())
    assert not Session.objects.exists()
    assert len([path for path, _, _ in okta.requests if path.endswith("/openid-configuration")]) == 1
    monkeypatch.setattr(provider, "monotonic", lambda: time.monotonic() + 6)
    begin(Browser())
    assert len([path for path, _, _ in okta.requests if path.endswith("/openid-configuration")]) == 2


def test_one_person_cannot_fill_the_log_by_repeated_sign_ins(browser, okta, demo, ada, monkeypatch):
    """Each is a permanent event, and a provider that knows the person doesn't ask again."""
    link(ada, okta)
    monkeypatch.setattr(quotas, "MAX_PROOFS", 2)
    assert [come(browser, okta).status_code for _ in range(2)] == [302, 302]
    refused = come(browser, okta)
    assert (refused.status_code, heading(refused), int(refused["Retry-After"]) > 3000) == (429, "Too many attempts", True)
    assert len(events("user.signed_in")) == 2
    assert not events("user.sign_in_failed")


def test_sign_ins_at_the_provider_dont_use_up_the_proofs_here(browser, okta, demo, ada, monkeypatch):
    """They haven't proved the account's own second factor."""
    link(ada, okta)
    monkeypatch.setattr(quotas, "MAX_PROOFS", 1)
    assert [come(browser, okta).status_code for _ in range(2)] == [302, 429]
    proved = browser.post("/accounts/confirm/", {"password": factories.PASSWORD, "next": "/w/"})
    assert proved["Location"] == "/w/"


def test_nor_by_proving_there_who_they_are(browser, okta, demo, ada, monkeypatch):
    link(ada, okta)
    come(browser, okta)
    monkeypatch.setattr(quotas, "MAX_PROOFS", 2)
    prove = {"path": "/accounts/confirm/sso/", "auth_time": int(time.time()) + 1}
    assert [come(browser, okta, **prove).status_code for _ in range(2)] == [302, 429]
    assert len(events("user.confirmed")) == 1


@pytest.mark.long
def test_nor_do_refused_sign_ins(browser, okta, demo, monkeypatch):
    """A provider that knows everybody would let anybody use them up."""
    monkeypatch.setattr(quotas, "MAX_REFUSALS", 2)
    stranger = {"sub": "00u-mallory", "email": "mallory@elsewhere.example", "groups": []}
    assert [come(browser, okta, **stranger).status_code for _ in range(4)] == [403] * 4
    assert len(events("user.sign_in_failed")) == 2
    come(browser, okta, **stranger | {"sub": "00u-trudy", "email": "trudy@elsewhere.example"})
    assert len(events("user.sign_in_failed")) == 3
