"""“Confirm it’s you” before sensitive actions: valid for 10 minutes, and the form is kept."""

import re

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.sessions.models import Session
from django.utils import timezone

from clients.models import AuditEvent
from clients.secret import generate
from dashboard.frame.spent_forms import new_token
from dashboard.people import quotas, second_factors, throttling
from dashboard.people.user_sessions import NOTED
from tests import factories
from tests.dashboard.accounts.conftest import add_passkey, age_confirmation, last_event, sign_in
from tests.dashboard.accounts.security_key import SecurityKey
from tests.dashboard.conftest import Browser, asked_by, text_of
from tests.dashboard.conftest import sign_in as as_person

PAGE, PASSWORD_PAGE = "/accounts/confirm/", "/accounts/security/password/"
SENSITIVE = [
    "/accounts/security/passkeys/new/",
    "/accounts/security/codes/on/",
    "/accounts/security/codes/off/",
    "/accounts/security/recovery-codes/new/",
    PASSWORD_PAGE,
    "/accounts/profile/email/",
]


@pytest.fixture
def old(here):
    """Ada signed in 11 minutes ago."""
    age_confirmation(here)
    return here


@pytest.mark.long
def test_somebody_who_signed_in_over_10_minutes_ago_is_asked_and_whoever_has_just_done_so_is_not(here):
    for path in SENSITIVE:
        assert PAGE not in here.get(path).get("Location", ""), path
    age_confirmation(here)
    for path in SENSITIVE:
        assert asked_by(here.get(path))["next"] == asked_by(here.post(path))["next"] == path


def test_the_password_proves_it_for_10_minutes_and_the_session_gets_another_key(old, ada):
    before, row = old.session.session_key, old.row_key
    response = old.post(PAGE, {"password": factories.PASSWORD, "next": PASSWORD_PAGE})
    assert response["Location"] == PASSWORD_PAGE
    assert old.get(PASSWORD_PAGE).status_code == 200
    assert last_event("user.confirmed").after == {"method": "password"}
    assert old.session.session_key != before
    assert not Session.objects.filter(session_key=row).exists()
    assert "Firefox on Linux, here" in text_of(old.get("/accounts/security/"))
    age_confirmation(old)
    assert old.get(PASSWORD_PAGE).status_code == 302


def test_the_form_is_kept_and_sent_after_the_proof(old, ada):
    passkey = add_passkey(ada)
    Authenticator.objects.filter(type="recovery_codes").delete()
    rename = f"/accounts/security/passkeys/{passkey.pk}/rename/"
    asked = asked_by(old.post(rename, {"name": "Desk"}))
    codes = second_factors.make_recovery_codes(user=ada, actor=factories.TESTS, now=passkey.created_at).recovery_codes
    response = old.post(PAGE, {"password": factories.PASSWORD, "code": codes[0], **asked})
    assert response["Location"] == "/accounts/security/"
    assert second_factors.name_of(Authenticator.objects.get(pk=passkey.pk)) == "Desk"
    assert AuditEvent.objects.filter(event="user.passkey_renamed").count() == 1


def test_a_kept_form_is_sent_on_to_its_own_page_only_once_and_for_its_own_account(old, ben):
    make = "/accounts/security/recovery-codes/new/"
    asked = asked_by(old.post(make))
    assert old.post(PAGE, {"password": factories.PASSWORD, **asked, "next": "/accounts/profile/"})["Location"] == "/accounts/profile/"
    assert old.post(PAGE, {"password": factories.PASSWORD, **asked})["Location"] == make
    # As if somebody signs in as another person in the same browser.
    age_confirmation(old)
    asked = asked_by(old.post(make))
    old.post("/accounts/sign-out/")
    sign_in(old, ben)
    assert old.post(PAGE, {"password": factories.PASSWORD, **asked})["Location"] == make


@pytest.mark.long
@pytest.mark.parametrize("meanwhile", ["its page is asked for anew", "one is sent that cannot be kept", "10 minutes have gone"])
def test_a_kept_form_is_forgotten_if(old, ada, app, meanwhile):
    """Nobody remembers by then what they are proving themselves for; a link that another site made could have them do it."""
    make = "/accounts/security/recovery-codes/new/"
    asked = asked_by(old.post(make))
    if meanwhile == "its page is asked for anew":
        old.get(make)
    elif meanwhile == "one is sent that cannot be kept":
        assert "__Host-form" not in old.post(make, {"note": "x" * 100_000}).cookies
    else:
        session = old.session
        session["suspended_form"]["at"] -= 601
        session.save()
    assert old.post(PAGE, {"password": factories.PASSWORD, "code": app.code, **asked})["Location"] == make


class TestWhoeverHasACopyOfTheCookie:
    """The session's cookie. A waiting form is bound to the browser that sent it; a proof there sends that form or none."""

    @pytest.fixture
    def rename(self, ada):
        return f"/accounts/security/passkeys/{add_passkey(ada).pk}/rename/"

    @pytest.fixture
    def prove(self, app):
        def prove(browser, asked):
            return browser.post(asked, {**asked_by({"Location": asked}), "password": factories.PASSWORD, "code": app.code})

        return prove

    @pytest.fixture
    def thief(self, old):
        browser = Browser()
        browser.cookies["__Host-session"] = old.session.session_key
        return browser

    @pytest.mark.parametrize("before", ["nothing", "the owner's waits", "its cookie is copied", "the owner's is proved"])
    def test_has_the_owner_s_proof_do_nothing_whatever_waits_in_the_owner_s_browser(self, old, thief, rename, prove, before):
        """Each form gets a different cookie."""
        asked = None
        if before != "nothing":
            asked = old.post(rename, {"name": "Desk"})["Location"]
        if before == "its cookie is copied":
            thief.cookies["__Host-form"] = old.cookies["__Host-form"].value
        theirs = thief.post(rename, {"name": "Mallory’s"})["Location"]
        assert prove(old, asked if before == "the owner's is proved" else theirs)["Location"] == rename
        assert not AuditEvent.objects.filter(event="user.passkey_renamed").exists()


def test_no_secret_credential_header_or_long_form_is_kept(old):
    kept = lambda: str([session.get_decoded() for session in Session.objects.all()])  # noqa: E731
    new, secret, phrase = "/accounts/security/recovery-codes/new/", generate("live").plaintext, "an-entirely-new-phrase"
    for path in (PASSWORD_PAGE, "/accounts/security/codes/on/"):
        old.post(path, {"new_password": phrase, "code": phrase})
        assert phrase not in kept()
    old.post(new, {"note": "x" * 100_000}, headers={"x-private": "seen-by-nobody"})
    assert "xxxx" not in kept()
    old.post(new, {"name": secret}, headers={"x-private": "seen-by-nobody"})
    assert secret not in kept()
    assert "seen-by-nobody" not in kept()
    assert old.post(PAGE, {"password": factories.PASSWORD, "next": new})["Location"] == new
    # What a form that waits is known by reaches no script and no address.
    age_confirmation(old)
    asked = old.post(new)
    cookie = asked.cookies["__Host-form"]
    assert (cookie["secure"], cookie["httponly"], cookie["path"], cookie["domain"], cookie["samesite"]) == (True, True, "/", "", "Lax")
    assert cookie["max-age"] == 600
    assert cookie.value not in asked["Location"]
    assert list(asked_by(asked)) == ["next"]


def test_with_second_factors_neither_the_password_alone_nor_the_code_alone_is_enough(old, ada, app):
    for given, said in (({"password": factories.PASSWORD}, "Enter the code."), ({"password": "wrong", "code": app.code}, "That isn’t your password.")):
        assert said in old.post(PAGE, {**given, "next": PASSWORD_PAGE}).content.decode()
        assert old.get(PASSWORD_PAGE).status_code == 302
    assert old.post(PAGE, {"password": factories.PASSWORD, "code": app.code, "next": PASSWORD_PAGE})["Location"] == PASSWORD_PAGE
    assert last_event("user.confirmed").after == {"method": "password and one-time code"}


def test_a_passkey_comes_first_where_there_is_one(old, ada):
    assert "Use a passkey" not in old.get(PAGE).content.decode()
    add_passkey(ada)
    Authenticator.objects.filter(type="webauthn").update(data={"name": "Laptop", "credential": SecurityKey().register("eA")})
    text = old.get(PAGE).content.decode()
    assert text.index("Use a passkey") < text.index("Password")


def test_a_wrong_password_proves_nothing_and_is_recorded_and_after_too_many_one_has_to_wait(old, ada, settings):
    settings.FAILURES_PER_CLIENT = 2
    for incomplete in ("", "x" * 2000, "a\0b"):
        assert old.post(PAGE, {"password": incomplete}).status_code == 200
    assert last_event("user.confirmation_failed") is None
    for _ in range(2):
        response = old.post(PAGE, {"password": "wrong", "next": PASSWORD_PAGE})
    assert "That isn’t your password. Enter it again." in response.content.decode()
    assert "<title>Error: Confirm it’s you" in response.content.decode()
    assert last_event("user.confirmation_failed").target_id == ada.audit_name
    assert old.get(PASSWORD_PAGE).status_code == 302
    response = old.post(PAGE, {"password": factories.PASSWORD})
    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0


def test_after_too_many_codes_from_many_addresses_a_right_one_is_not_said_to_be_wrong(old, app, ada, settings):
    settings.FAILURES_PER_CLIENT = 2
    for _ in range(2):
        throttling.count_wrong_code(ada, now=timezone.now())
    response = old.post(PAGE, {"password": factories.PASSWORD, "code": app.code, "next": PASSWORD_PAGE})
    assert "Too many wrong codes from many places. Wait 5 min" in response.content.decode()
    assert old.get(PASSWORD_PAGE).status_code == 302


@pytest.mark.parametrize("path", ["https://evil.example.com/", "//evil.example.com", "javascript:alert(1)", "/\\evil.example.com", ""])
def test_it_never_leads_elsewhere(old, path):
    assert old.post(PAGE, {"password": factories.PASSWORD, "next": path})["Location"] == "/"


def test_one_person_cannot_fill_the_log_by_repeated_proofs(old, ada, monkeypatch):
    """Each proof is an event that nobody can remove, and a passkey proves in no time. Wrong ones use up nothing of the number, and beyond it no password is
    looked at: each takes a tenth of a second, and waits in a line that others need.
    """
    monkeypatch.setattr(quotas, "MAX_PROOFS", 2)
    proof = {"password": factories.PASSWORD, "next": PASSWORD_PAGE}
    for _ in range(3):
        assert old.post(PAGE, {**proof, "password": "wrong"}).status_code == 200
    for _ in range(2):
        assert old.post(PAGE, proof)["Location"] == PASSWORD_PAGE
    monkeypatch.setitem(throttling.waiting, "another", "")
    monkeypatch.setattr(throttling._places, "_most", 1)
    refused = old.post(PAGE, proof)
    assert (refused.status_code, int(refused["Retry-After"]) > 3000) == (429, True)
    assert "Too many confirmations. Wait 60 min and try again." in text_of(refused)
    assert AuditEvent.objects.filter(event="user.confirmed").count() == 2


def test_a_stranger_is_led_to_sign_in(db):
    assert Browser().get(PAGE)["Location"].startswith("/accounts/sign-in/")


class TestReload:
    """Reloading the page with a new secret, which is the response to the proof: the browser sends the proof again."""

    @pytest.fixture
    def form(self, old, billing):
        """The form that waits for the proof."""
        path = f"/w/demo/clients/{billing.secret.client.client_id}/secrets/new/"
        return old.post(path, {"name": "worker", "secret_expiry": "30d", "once": new_token()})["Location"]

    @staticmethod
    def prove(browser, asked, **entries):
        fields = browser.get(asked).content.decode().partition('name="username"')[0].rpartition("<form")[2]
        sent = dict(re.findall(r'name="(next|form|once)"\s+value="([^"]*)"', fields)) | entries
        return sent, browser.post(PAGE, sent)

    def test_says_what_was_made_and_makes_nothing_more(self, old, ben, billing, form):
        wrong, _ = self.prove(old, form, password="wrong")
        assert "That isn’t your password." in text_of(old.post(PAGE, wrong))
        sent, page = self.prove(old, form, password=factories.PASSWORD)
        assert "New secret for billing-sync" in text_of(page)
        made = billing.secret.client.secrets.latest("pk")
        assert made.secret_id in page.content.decode()
        reloaded = old.post(PAGE, sent)
        assert "no-store" in reloaded["Cache-Control"]
        assert "Its secret was shown once and can’t be shown again." in text_of(reloaded)
        assert made.secret_id in text_of(reloaded)
        assert billing.secret.client.secrets.count() == 2
        # To another account it says nothing.
        assert "can’t be shown again" not in text_of(as_person(ben).post(PAGE, {**sent, "password": "wrong"}))

    def test_does_so_though_a_code_works_once(self, old, app, form):
        sent, page = self.prove(old, form, password=factories.PASSWORD, code=app.code)
        assert page.status_code == 200
        assert "can’t be shown again" in text_of(old.post(PAGE, sent))
        assert not AuditEvent.objects.filter(event="user.confirmation_failed").exists()


@pytest.mark.parametrize("page", [PAGE, PASSWORD_PAGE])
def test_a_session_that_ends_while_it_proves_itself_gets_no_new_life(here, ada, monkeypatch, page):
    """Its owner ends it while its password is hashed, which takes long."""
    theirs, verify = Browser(raise_request_exception=False), MD5PasswordHasher.verify
    sign_in(theirs, ada)

    def end_meanwhile(self, password, encoded):
        monkeypatch.setattr(MD5PasswordHasher, "verify", verify)
        assert here.post("/accounts/security/sessions/end-others/").status_code == 302
        return verify(self, password, encoded)

    monkeypatch.setattr(MD5PasswordHasher, "verify", end_meanwhile)
    new = "an entirely new one 47"
    response = theirs.post(page, {"password": factories.PASSWORD, "current_password": factories.PASSWORD, "new_password": new, "next": "/"})
    assert response.status_code == 400
    assert "Your session has ended" in text_of(response)
    assert theirs.get("/accounts/security/")["Location"].startswith("/accounts/sign-in/")
    assert [row.session_key for row in UserSession.objects.filter(user=ada)] == [here.row_key]
    assert Session.objects.count() <= 2


def test_a_session_that_its_owner_could_not_see_is_over(here, ada):
    UserSession.objects.filter(user=ada).delete()
    session = here.session
    session[NOTED] -= 61
    session.save()
    assert here.get("/accounts/security/")["Location"].startswith("/accounts/sign-in/")
