"""Signing in with a password, signing out, and who is refused."""

import time

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clients.models import AuditEvent
from dashboard.people import passwords
from dashboard.people import throttling as door
from dashboard.people.places import STRANGERS
from dashboard.settings import PASSWORD_HASHERS
from oauth.models import FailureCount
from oauth.sender_network import widest_network_of
from tests import factories
from tests.dashboard.conftest import Browser
from tests.dashboard.conftest import sign_in as as_person

PAGE = "/accounts/sign-in/"
REFUSED = "Email or password is wrong."


def sign_in(browser, email="olga@example.com", password=factories.PASSWORD, **fields):
    return browser.post(PAGE, {"login": email, "password": password, **fields})


def events():
    return list(AuditEvent.objects.filter(event__startswith="user.sign").order_by("pk").values_list("event", "target_id", "actor"))


def named(user):
    return f"user:{user.pk} {user.email}"


@pytest.mark.parametrize("key", ["\0" * 32, "a\0bcdefghijklmnopqrstuvwxyz012345", "x" * 4000, "å" * 32, "A" * 32])
def test_a_cookie_that_is_no_session_key_is_not_looked_up(browser, db, key):
    """PostgreSQL fails with a NUL character."""
    browser.cookies["__Host-session"] = key
    with CaptureQueriesContext(connection) as queries:
        assert browser.get(PAGE).status_code == 200
        assert browser.get("/w/demo/members/")["Location"].startswith(PAGE)
    assert not [query["sql"] for query in queries if "django_session" in query["sql"]]


def test_email_in_any_spelling_and_password_open_the_start_page_and_the_event_says_from_where(browser, olga):
    text = browser.get(PAGE).content.decode()
    assert "<title>Sign in · TokenOS</title>" in text
    assert 'type="email"' in text
    assert 'autocomplete="username webauthn"' in text
    assert "autofocus" in text
    browser.cookies["__Host-session"] = "a" * 32
    response = browser.post(PAGE, {"login": " Olga@Example.COM ", "password": factories.PASSWORD}, REMOTE_ADDR="203.0.113.9")
    assert (response.status_code, response["Location"]) == (302, "/")
    # A session from before is not kept.
    assert browser.cookies["__Host-session"].value != "a" * 32
    assert browser.get("/", follow=True).status_code == 200
    assert events() == [("user.signed_in", named(olga), named(olga))]
    event = AuditEvent.objects.get(event="user.signed_in")
    assert (event.address, event.request_id) == ("203.0.113.9", response["X-Request-Id"])
    assert browser.get(PAGE)["Location"] == "/"


def test_the_admin_has_no_other_door_and_it_leads_back_to_where_one_was(browser, olga):
    response = browser.get("/admin/clients/client/?q=x", follow=True)
    assert response.redirect_chain[-1][0] == f"{PAGE}?next=%2Fadmin%2Fclients%2Fclient%2F%3Fq%3Dx"
    assert sign_in(browser, next="/admin/clients/client/?q=x")["Location"] == "/admin/clients/client/?q=x"
    assert browser.get("/admin/").status_code == 200
    assert browser.get("/admin/login/")["Location"] == "/admin/"


@pytest.mark.parametrize("next_page", ["https://evil.example.com/", "http://testserver/", "//evil.example.com", "javascript:alert(1)", "/\\evil.example.com"])
def test_it_never_leads_elsewhere(browser, olga, next_page):
    assert sign_in(browser, next=next_page)["Location"] == "/"


def refused_for(case, olga):
    if case == "wrong password":
        return olga.email, "not-the-password"
    if case == "unknown account":
        return "nobody@example.com", factories.PASSWORD
    if case == "inactive":
        olga.is_active = False
    else:
        olga.set_unusable_password()
    olga.save()
    return olga.email, factories.PASSWORD


CASES = ["wrong password", "unknown account", "inactive", "no password"]


@pytest.mark.parametrize("case", CASES)
def test_every_refusal_reads_alike(browser, olga, case):
    response = sign_in(browser, *refused_for(case, olga))
    text = response.content.decode()
    assert response.status_code == 200
    assert REFUSED in text
    assert "<title>Error: Sign in · TokenOS</title>" in text
    assert not Session.objects.exists()
    assert events() == [("user.sign_in_failed", "unknown" if case == "unknown account" else named(olga), "anonymous")]


@pytest.mark.long
def test_unknown_and_wrong_take_the_same_time(olga, settings):
    settings.FAILURES_PER_CLIENT = settings.FAILURES_PER_ADDRESS = 1000
    settings.PASSWORD_HASHERS = PASSWORD_HASHERS
    olga.set_password(factories.PASSWORD)
    olga.save()

    def measure(email):
        began = time.process_time()
        sign_in(Browser(), email, "not-the-password")
        return time.process_time() - began

    known, unknown = (min(measure(email) for _ in range(2)) for email in (olga.email, "nobody@example.com"))
    assert 0.7 < known / unknown < 1.4


def test_what_was_typed_for_an_unknown_account_is_not_kept(browser, db):
    sign_in(browser, "my-password@oops")
    assert "oops" not in str(list(AuditEvent.objects.values()))


INCOMPLETE = [{}, {"login": "olga@example.com"}, {"password": "x"}, {"login": "a\0b", "password": "x"}, {"login": "x" * 300, "password": "x"}]


@pytest.mark.parametrize("data", INCOMPLETE)
def test_an_incomplete_form_is_no_attempt(browser, olga, data):
    assert browser.post(PAGE, data).status_code == 200
    assert events() == []
    assert not FailureCount.objects.exists()


def test_somebody_signed_in_who_may_not_enter_the_admin_is_told(browser, ada):
    browser.force_login(ada)
    assert browser.get("/admin/", follow=True).status_code == 403


@pytest.mark.usefixtures("olga")
class TestManyAtOnce:
    @pytest.fixture(autouse=True)
    def _others(self):
        """As many strangers' passwords as allowed are being checked or wait."""
        door.looked_at.clear()
        door.waiting.update({f"198.51.100.{number}": STRANGERS for number in range(door.MAX_STRANGERS)})
        yield
        door.waiting.clear()

    def test_one_more_attempt_is_asked_to_come_back(self, browser):
        response = sign_in(browser)
        assert (response.status_code, response["Retry-After"]) == (503, "2")
        assert "Too many passwords are being checked." in response.content.decode()
        assert events() == []

    def test_a_flood_of_them_is_told_once_a_minute_and_does_not_fill_the_log(self, browser, caplog, monkeypatch):
        monkeypatch.setattr(door, "_told_at", time.monotonic() - 60)
        for _ in range(3):
            assert sign_in(browser).status_code == 503
        assert [(record.name, record.levelname) for record in caplog.records] == [("tokenos.throttling", "WARNING")]
        monkeypatch.setattr(door, "_told_at", time.monotonic() - 60)
        sign_in(browser)
        assert len(caplog.records) == 2

    def test_so_is_a_second_one_of_the_same_address(self, browser):
        """While there is room for another."""
        door.waiting.clear()
        door.waiting["127.0.0.1"] = STRANGERS
        assert sign_in(browser).status_code == 503
        door.waiting.clear()
        assert sign_in(browser).status_code == 302

    def test_addresses_of_one_ipv6_48_have_one_place(self, browser):
        door.waiting.clear()
        door.waiting[widest_network_of("2001:db8:1:2::3")] = STRANGERS
        assert browser.post(PAGE, {"login": "olga@example.com", "password": "x"}, REMOTE_ADDR="2001:db8:1:ff::4").status_code == 503
        assert browser.post(PAGE, {"login": "olga@example.com", "password": "x"}, REMOTE_ADDR="2001:db8:2:2::3").status_code == 200

    def test_strangers_keep_nobody_out_whose_browser_is_known(self, browser, olga):
        """It has signed in from there before, and takes none of the places that strangers have. But one person waits in one place only."""
        browser.cookies["__Host-known"] = "WzFd:1wAAAA:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        assert sign_in(browser).status_code == 503
        strangers = dict(door.waiting)
        door.waiting.clear()
        assert sign_in(browser).status_code == 302
        browser.post("/accounts/sign-out/")
        door.waiting[f"person {olga.pk}"] = ""
        assert sign_in(browser).status_code == 503
        # People who are known wait in as few places as there are.
        door.waiting.clear()
        door.waiting.update({f"person {number}": "" for number in range(1000, 1000 + door.MAX_AT_ONCE)})
        assert sign_in(browser).status_code == 503
        door.waiting.clear()
        door.waiting.update(strangers)
        assert sign_in(Browser()).status_code == 503
        assert sign_in(browser).status_code == 302

    @pytest.mark.long
    def test_a_person_who_sends_many_uses_the_strangers_places(self, admin, olga, monkeypatch):
        proof = {"password": factories.PASSWORD, "next": "/"}
        for _ in range(door.MAX_A_MINUTE):
            assert admin.post("/accounts/confirm/", proof).status_code == 302
        assert admin.post("/accounts/confirm/", proof).status_code == 503
        other = factories.create_user("paul@example.com")
        assert as_person(other).post("/accounts/confirm/", proof).status_code == 302
        monkeypatch.setattr(door, "_MINUTE", 0)
        assert admin.post("/accounts/confirm/", proof).status_code == 302
        assert list(door.looked_at) == [f"person {olga.pk}"]

    def test_strangers_keep_nobody_out_who_holds_a_link(self, browser, olga):
        """To a new password."""
        link = passwords.make_reset_link(olga)
        assert browser.post(link, {"new_password": "an-entirely-new-phrase"})["Location"] == PAGE


def test_signing_out_ends_the_session_by_a_post_and_without_one_is_no_event(admin, olga):
    assert admin.get("/accounts/sign-out/").status_code == 200
    assert admin.get("/admin/").status_code == 200
    response = admin.post("/accounts/sign-out/")
    assert response["Location"] == PAGE
    assert response["Clear-Site-Data"] == '"storage"'
    assert admin.get("/admin/").status_code == 302
    admin.post("/accounts/sign-out/")
    assert events()[1:] == [("user.signed_out", named(olga), named(olga))]
    assert not Session.objects.exists()
