"""The account's pages: security at a glance, name, display, password, sessions, and mail about new devices."""

import re

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.models import Session
from django.utils import timezone

from clients.models import AuditEvent
from dashboard.background.prune import prune
from dashboard.models import User
from dashboard.people import passwords
from dashboard.people.user_agent import describe_device
from tests import factories
from tests.dashboard.accounts.conftest import FIREFOX, SIGN_IN, App, add_passkey, age_confirmation, last_event, sign_in
from tests.dashboard.conftest import Browser
from tests.dashboard.conftest import sign_in as as_person

SECURITY, PASSWORD, NEW = "/accounts/security/", "/accounts/security/password/", "an-entirely-new-phrase"
CHANGE = {"current_password": factories.PASSWORD, "new_password": NEW}


def text_of(browser, path=SECURITY):
    return " ".join(browser.get(path).content.decode().split())


def test_security_says_what_there_is(here, ada):
    text = text_of(here)
    assert "<h1>Your account</h1>" in text
    assert "You sign in with just a password." in text
    assert "You get 10 with your first passkey or one-time codes" in text
    add_passkey(ada)
    text = text_of(here)
    assert "<b>Laptop</b>" in text
    assert "10 of 10 left" in text


@pytest.mark.parametrize("path", [SECURITY, "/accounts/profile/", "/accounts/display/", PASSWORD])
def test_a_stranger_is_led_to_sign_in_and_back(browser, db, path):
    assert browser.get(path)["Location"] == f"{SIGN_IN}?next={path}"


class TestProfile:
    PAGE = "/accounts/profile/"

    def test_a_name_is_saved_and_shown_as_it_is_and_the_same_again_is_no_event(self, here, ada):
        name = "<script>alert(1)</script> O’Hara 🙂 عمر"
        for _ in range(2):
            assert here.post(self.PAGE, {"name": name})["Location"] == self.PAGE
        assert User.objects.get(pk=ada.pk).name == name
        event = AuditEvent.objects.get(event="user.renamed")
        assert (event.before, event.after) == ({"name": ""}, {"name": name})
        text = text_of(here, self.PAGE)
        assert "Name saved." in text
        assert "<script>alert" not in text

    @pytest.mark.parametrize("name", ["x" * 101, "x" * 100_000, "a\0b", "a\u202eb", "a\nb"])
    def test_an_invalid_value_is_refused(self, here, ada, name):
        response = here.post(self.PAGE, {"name": name})
        assert response.status_code == 200
        assert "<title>Error: Profile" in response.content.decode()
        assert User.objects.get(pk=ada.pk).name == ""


def test_single_keys_are_switched_off(here, ada):
    assert 'data-keys="off"' not in text_of(here, "/accounts/display/")
    assert here.post("/accounts/display/")["Location"] == "/accounts/display/"
    assert 'data-keys="off"' in text_of(here, "/accounts/display/")
    here.post("/accounts/display/", {"has_single_keys": "on"})
    assert 'data-keys="off"' not in text_of(here)


class TestPassword:
    def test_a_new_one_keeps_this_session_and_ends_the_others(self, here, elsewhere, ada, mailbox):
        mailbox.clear()
        assert here.post(PASSWORD, CHANGE)["Location"] == SECURITY
        text = text_of(here)
        assert "Firefox on Linux, here" in text
        assert "Changed <time" in text
        assert elsewhere.get(SECURITY).status_code == 302
        assert UserSession.objects.count() == Session.objects.count() == 1
        assert sign_in(Browser(), ada, NEW).status_code == 302
        assert "Your password was changed" in mailbox.subjects(ada.email)
        event = last_event("user.password_changed")
        assert event.after == {"sessions_ended": 1}
        assert event.address == "127.0.0.1"
        # The audit log names an account by its address, and keeps no event for ever.
        User.objects.filter(pk=ada.pk).update(email="ada@new.example")
        text = text_of(here)
        assert "Last change unknown (no longer in the audit log)" in text
        assert "Never changed" not in text

    @pytest.mark.parametrize(
        "changed",
        [
            {"current_password": "not-the-present-one"},
            *({"current_password": current} for current in ("", factories.PASSWORD + " ", "a\0b", "x" * 100_000)),
            *({"new_password": new} for new in ("", "short", "password1234", "ada@example.com", "a\0" * 10, "x" * 100_000)),
        ],
    )
    def test_a_bad_one_is_refused_and_not_shown_again_and_the_current_one_is_demanded(self, here, ada, changed):
        """However lately one signed in."""
        response = here.post(PASSWORD, CHANGE | changed)
        assert response.status_code == 200
        assert "Nothing was changed." in response.content.decode()
        assert response.content.decode().count("value=") == here.get(PASSWORD).content.decode().count("value=")
        assert User.objects.get(pk=ada.pk).check_password(factories.PASSWORD)
        if changed == {"current_password": "not-the-present-one"}:
            event = last_event("user.confirmation_failed")
            assert (event.target_id, event.actor, event.address) == (ada.audit_name, ada.audit_name, "127.0.0.1")

    def test_the_current_one_is_guessed_as_seldom_as_at_sign_in(self, here, settings):
        settings.FAILURES_PER_CLIENT = 2
        for _ in range(2):
            here.post(PASSWORD, {**CHANGE, "current_password": "guessed"})
        assert here.post(PASSWORD, CHANGE).status_code == 429

    def test_a_person_without_a_password_sets_one_without_the_current_one(self, here, ada):
        # The hash of the password is in the session, so the change comes by the page.
        here.force_login(ada)
        User.objects.filter(pk=ada.pk).update(password="!")
        here.force_login(User.objects.get(pk=ada.pk), backend="django.contrib.auth.backends.ModelBackend")
        assert "Current password" not in text_of(here, PASSWORD)


class TestSessions:
    def of(self, browser):
        return UserSession.objects.get(session_key=browser.row_key)

    def test_each_says_device_address_and_how_it_began_and_is_ended_at_once(self, here, elsewhere, ada, eve):
        text = text_of(here)
        assert "Firefox on Linux, here" in text
        assert "127.0.0.1. Signed in" in text
        assert "with password" in text
        end = f"{SECURITY}sessions/{self.of(elsewhere).pk}/end/"
        # Looking ends nothing.
        assert here.get(end).status_code == here.get(f"{SECURITY}sessions/end-others/").status_code == 405
        assert here.post(f"{SECURITY}sessions/{self.of(here).pk}/end/")["Location"] == "/accounts/sign-out/"
        of_eve = as_person(eve)
        for pk in (self.of(of_eve).pk, "0", "9" * 30):
            assert here.post(f"{SECURITY}sessions/{pk}/end/").status_code == 404
        assert here.post(end)["Location"] == SECURITY
        assert [browser.get(SECURITY).status_code for browser in (elsewhere, here, of_eve)] == [302, 200, 200]
        event = last_event("user.session_ended")
        assert (event.target_id, event.after["device"]) == (ada.audit_name, "Firefox on Linux")

    def test_ending_one_takes_a_fresh_proof(self, here, elsewhere):
        age_confirmation(here)
        for path in ("1/end/", "end-others/"):
            assert here.post(f"{SECURITY}sessions/{path}")["Location"].startswith("/accounts/confirm/?next=")
        assert elsewhere.get(SECURITY).status_code == 200

    def test_all_others_are_ended(self, here, elsewhere, ada):
        third = as_person(ada)
        here.post(f"{SECURITY}sessions/end-others/")
        assert "2 other sessions have ended." in text_of(here)
        assert [browser.get(SECURITY).status_code for browser in (elsewhere, third)] == [302, 302]
        assert last_event("user.sessions_ended").after == {"ended": 2}

    def test_one_that_has_expired_is_not_listed_and_goes_in_time(self, here, elsewhere):
        Session.objects.filter(session_key=elsewhere.row_key).update(expire_date=timezone.now())
        assert "End session" not in text_of(here)
        assert prune(now=timezone.now())["sessions"] == 1
        assert UserSession.objects.get().session_key == here.row_key
        assert here.get(SECURITY).status_code == 200

    def test_the_page_takes_few_queries_whatever_their_number(self, here, ada, django_assert_max_num_queries):
        for number in range(13):
            session = Session.objects.create(session_key=f"key-{number}", session_data="", expire_date=timezone.now().replace(year=2099))
            UserSession.objects.create(user=ada, ip="127.0.0.1", session_key=session.session_key, user_agent=FIREFOX)
        with django_assert_max_num_queries(12):
            assert text_of(here).count("End session") == 13


class TestNewDevice:
    def test_a_sign_in_from_a_new_one_is_told_and_from_a_known_one_is_not(self, browser, ada, ben, mailbox):
        """One of somebody else is new, and several people of one browser stay known."""
        for user in (ada, ben, ada, ben):
            sign_in(browser, user)
            browser.post("/accounts/sign-out/")
        [message] = mailbox(ada.email)
        assert message.subject == "New sign-in to your account: Firefox on Linux"
        assert "Method: password" in message.body
        assert len(mailbox(ben.email)) == 1
        # After a reset it is new again: in it, somebody knew the password.
        link = passwords.make_reset_link(ada).split("/")[3]
        passwords.reset_password(link=link, hashed_password=make_password(factories.PASSWORD), actor=factories.TESTS, now=timezone.now())
        sign_in(browser, ada)
        assert mailbox.subjects(ada.email).count("New sign-in to your account: Firefox on Linux") == 2

    def test_one_in_which_its_owner_changes_the_password_stays_known(self, here, ada, mailbox):
        assert here.post(PASSWORD, CHANGE).status_code == 302
        here.post("/accounts/sign-out/")
        sign_in(here, ada, NEW)
        assert not [subject for subject in mailbox.subjects(ada.email) if subject.startswith("New sign-in")][1:]

    @pytest.mark.parametrize("value", ["", "x", "eyJ:x:y", "🙂"])
    def test_a_forged_cookie_makes_none_known(self, browser, ada, mailbox, value):
        browser.cookies["__Host-known"] = value
        sign_in(browser, ada)
        assert len(mailbox(ada.email)) == 1

    def test_a_mail_server_that_is_down_keeps_nobody_out(self, browser, ada, settings):
        settings.EMAIL_BACKEND = "dashboard.instance.mail.smtp.Backend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
        assert sign_in(browser, ada)["Location"] == "/"


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        (FIREFOX, "Firefox on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile/15E148 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36 Edg/126.0", "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.9.1", "curl"),
        ("", "Unknown browser"),
        ("🙂" * 1000, "Unknown browser"),
    ],
)
def test_devices_are_said_in_words(user_agent, device):
    assert describe_device(user_agent) == device


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("password", "You sign in with just a password. A passkey is faster and safer."),
        ("code", "You sign in with a password and a code. A passkey is faster and safer."),
        ("neither", "You have none yet."),
    ],
)
def test_how_one_signs_in_is_said_as_the_account_does_whatever_this_session_did(ada, what, said):
    browser = as_person(ada)
    if what == "code":
        App(ada)
    if what == "neither":
        ada.set_unusable_password()
        ada.save()
        browser.force_login(ada)
    assert re.search(r'<p class="soft">(.*?)</p>', browser.get(SECURITY).content.decode().split('id="passkeys"')[1], re.DOTALL)[1].strip() == said


def test_the_admin_shows_no_second_factors(admin, app):
    text = admin.get("/admin/").content.decode()
    assert "uthenticator" not in text
    assert admin.get("/admin/mfa/authenticator/").status_code == 404


def test_somebody_who_has_only_a_password_is_offered_a_passkey_once_in_each_browser(ada, browser):
    sign_in(browser, ada)
    offer = "Sign in faster and more safely with a passkey."
    assert offer in browser.get("/accounts/security/").content.decode()
    assert offer not in browser.get("/accounts/security/").content.decode()
    browser.post("/accounts/sign-out/")
    sign_in(browser, ada)
    assert offer not in browser.get("/accounts/security/").content.decode()
