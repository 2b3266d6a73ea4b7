"""What the browser brings back: forged, repeated, late, and of another session or issuer. RFC 6749 §4.1.2, RFC 9207."""

import copy
from contextlib import ExitStack

import pytest
from django.contrib.sessions.models import Session

from dashboard.people import kept_by_browser
from dashboard.people.places import STRANGERS
from dashboard.people.sso.sign_in import MAX_STRANGERS, conversations
from oauth.models import FailureCount
from tests.dashboard.conftest import Browser
from tests.dashboard.sso.conftest import CALLBACK, begin, events, heading, user_of
from tests.dashboard.sso.hostility import DOWN, STALE, linked, log, refused

__all__ = ["linked", "log"]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("linked", "log")]


@pytest.mark.parametrize("state", ["", "forged", "x" * 100_000, "\0", "ü", "🚀", None])
def test_a_forged_state_and_a_way_back_that_is_no_get_are_refused(browser, okta, state):
    assert refused(browser, browser.get(f"{CALLBACK}?code=x&state=y" if state else CALLBACK), 400, STALE, "unknown_state")
    callback = okta.authorize(begin(browser), state=state)
    assert refused(browser, browser.get(callback), 400, STALE, "unknown_state")
    assert not okta.forms("/token")
    assert {getattr(browser, method)(CALLBACK).status_code for method in ("post", "put", "delete")} == {405}


def test_a_state_counts_once_also_with_a_copy_of_the_cookie_or_without_any(browser, okta, ada):
    callback = okta.authorize(begin(browser), error="access_denied", code=None)
    cookies = copy.deepcopy(browser.cookies)
    browser.get(callback)
    assert refused(browser, browser.get(callback), 400, STALE, "unknown_state")
    browser.cookies = cookies
    assert refused(browser, browser.get(callback), 400, STALE, "unknown_state")
    callback = okta.authorize(begin(browser))
    assert browser.get(callback).status_code == 302
    browser.cookies.clear()
    assert browser.get(callback).status_code == 400
    assert user_of(browser) is None


@pytest.mark.long
def test_a_browser_keeps_a_few_that_it_has_begun_and_who_copied_the_session_pushes_none_out(browser, okta, ada):
    browser.get(okta.authorize(begin(browser)))
    for _ in range(5):
        callback = okta.authorize(begin(browser))
    kept = [cookie for name, cookie in browser.cookies.items() if name.startswith("__Host-sso-") and cookie.value]
    assert len(kept) <= 3
    assert {(cookie["secure"], cookie["httponly"], cookie["samesite"], cookie["max-age"]) for cookie in kept} == {(True, True, "Lax", 600)}
    thief = Browser()
    thief.cookies["__Host-session"] = browser.cookies["__Host-session"].value
    for _ in range(5):
        begin(thief)
    assert browser.get(callback).status_code == 302


def test_a_state_is_good_for_ten_minutes_and_in_its_own_browser(browser, okta, second_browser, monkeypatch):
    """Otherwise an attacker could sign somebody in to the attacker's account, or use a leaked code."""
    callback = okta.authorize(begin(browser))
    begin(second_browser)
    assert refused(second_browser, second_browser.get(callback), 400, STALE, "unknown_state")
    monkeypatch.setattr(kept_by_browser, "SECONDS", -1)
    assert refused(browser, browser.get(callback), 400, STALE, "unknown_state")


def test_a_parameter_that_comes_twice_counts_for_nothing(browser, okta):
    for repeated in ("state", "code"):
        callback = okta.authorize(begin(browser))
        assert browser.get(f"{callback}&{repeated}=other").status_code >= 400
        assert user_of(browser) is None


@pytest.mark.parametrize("code", ["", None, "forged", "x" * 5000, "\0", "a&client_id=evil", "ü\r\nX: y"])
def test_a_forged_code_signs_nobody_in(browser, okta, code):
    """It reaches the provider as one value, and its ID token isn't for this sign-in."""
    response = browser.get(okta.authorize(begin(browser), code=code))
    assert refused(browser, response, 502, DOWN, "provider_failed")
    assert all(set(form) == {"grant_type", "code", "redirect_uri", "code_verifier"} for form in okta.forms("/token"))


@pytest.mark.rfc("9207", "2.4")
@pytest.mark.parametrize("iss", ["https://evil.example", None, ""])
def test_the_answer_of_another_issuer_is_refused_before_its_code_is_used(browser, okta, iss):
    response = browser.get(okta.authorize(begin(browser), iss=iss))
    assert refused(browser, response, 502, DOWN, "provider_failed")
    assert not okta.forms("/token")


def test_a_provider_that_names_no_issuer_in_its_answer_is_fine(browser, okta, ada):
    okta.metadata["authorization_response_iss_parameter_supported"] = None
    browser.get(okta.authorize(begin(browser), iss=None))
    assert user_of(browser) == ada.pk


def test_a_person_who_cancels_at_the_provider_is_told_so(browser, okta):
    response = browser.get(okta.authorize(begin(browser), error="access_denied", code=None, error_description="<script>Click here</script>"))
    assert refused(browser, response, 403, "You weren’t signed in by Okta", "denied")
    assert "Click here" not in response.content.decode()


@pytest.mark.parametrize("error", ["server_error", "login_required", "<script>", "x" * 100_000, "\0", "🚀"])
def test_other_errors_of_the_provider_are_logged_and_not_shown(browser, okta, error, log):
    response = browser.get(okta.authorize(begin(browser), error=error, code=None))
    assert refused(browser, response, 502, DOWN, "provider_failed")
    assert "refused the request" in log() or "no code" in log()
    assert "<script>" not in response.content.decode().split("</head>")[1].replace('<script src="', "")


@pytest.mark.parametrize(("error", "status"), [("access_denied", 403), ("server_error", 502)])
def test_too_many_that_say_that_the_provider_refused_are_not_recorded_any_more(browser, okta, settings, error, status):
    """Anybody can come back with it, without the provider, and events can't be deleted."""
    settings.FAILURES_PER_ADDRESS = 3
    answers = [browser.get(okta.authorize(begin(browser), error=error, code=None)) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [status, status, status, 429]
    assert len(events("user.sign_in_failed")) == 3


def test_who_ends_many_at_the_provider_or_makes_up_states_shuts_no_colleague_out(browser, okta, ada, second_browser, settings):
    """Otherwise twenty images on another site's page would be enough to lock out its readers' address."""
    settings.FAILURES_PER_CLIENT = settings.FAILURES_PER_ADDRESS = 3
    callback = okta.authorize(begin(browser))
    before = Session.objects.count(), FailureCount.objects.count()
    for number in range(5):
        assert second_browser.get(f"{CALLBACK}?code=x&state={number}").status_code == 400
    assert not events("user.sign_in_failed")
    assert (Session.objects.count(), FailureCount.objects.count()) == before
    settings.FAILURES_PER_ADDRESS = 100
    for ended in [okta.authorize(begin(second_browser), error="access_denied", code=None) for _ in range(5)]:
        second_browser.get(ended)
    assert browser.get(callback).status_code == 302
    assert user_of(browser) == ada.pk


def test_a_busy_provider_leaves_no_event(browser, okta):
    """It isn't counted, so the number would be unlimited."""
    callbacks = [okta.authorize(begin(browser)) for _ in range(2)]
    with ExitStack() as held:
        for number in range(MAX_STRANGERS):
            assert held.enter_context(conversations.take(f"198.51.100.{number}", group=STRANGERS))
        responses = [browser.get(callback) for callback in callbacks]
    assert [(response.status_code, response["Retry-After"], heading(response)) for response in responses] == [
        (503, "2", "Too many people are signing in at this moment")
    ] * 2
    assert not events("user.sign_in_failed")
