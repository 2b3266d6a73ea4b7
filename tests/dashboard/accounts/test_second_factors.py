"""What a session without a second factor opens, of an account that has one or in a workspace that demands one: nothing that takes one."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.models import Session
from django.utils import timezone

from dashboard.models import AccessPolicy, Invitation
from dashboard.people import recovery_codes, second_factors
from tests import factories
from tests.dashboard.accounts.conftest import App, add_passkey, app_code, last_event, prove, sign_in
from tests.dashboard.conftest import Browser, asked_by, text_of
from tests.dashboard.conftest import sign_in as as_person

SECURITY, CONFIRM, ON = "/accounts/security/", "/accounts/confirm/", "/accounts/security/codes/on/"
MEMBERS, INVITE = "/w/demo/members/", "/w/demo/members/invite/"
DEMAND = "Demo requires a second factor."
# A page, a part of one, a download, what a form is sent to, what the palette asks for.
PATHS = [
    "/w/demo/",
    MEMBERS,
    "/w/demo/clients/",
    "/w/demo/audit.csv",
    "/w/demo/audit.json",
    "/w/demo/settings/",
    INVITE,
    "/w/demo/search/?q=ben",
    "/w/demo/search/",
]


@pytest.fixture
def _demand(demo):
    AccessPolicy.objects.update_or_create(workspace=demo, defaults={"requires_second_factor": True})


def turn_on_codes(browser):
    """Turn on codes through the pages. Returns the response and the secret."""
    secret = re.search(r'data-copy="(\w+)"', browser.get(ON).content.decode())[1]
    return browser.post(ON, {"code": app_code(secret)}), secret


@pytest.mark.usefixtures("_demand")
class TestWithoutOne:
    def test_a_person_without_one_is_asked_to_add_one(self, here):
        assert here.get(MEMBERS)["Location"] == SECURITY
        assert f"{DEMAND} Add a passkey or turn on one-time codes to open it." in text_of(here.get(SECURITY))

    def test_the_workspace_opens_in_the_session_in_which_it_is_added(self, here):
        assert turn_on_codes(here)[0].status_code == 200
        assert here.get(MEMBERS).status_code == 200

    @pytest.mark.usefixtures("other")
    def test_a_stranger_learns_nothing_of_it(self, browser, eve):
        browser.force_login(eve)
        assert browser.get(MEMBERS).status_code == 404
        assert browser.get("/w/other/members/").status_code == 200


@pytest.mark.usefixtures("_demand", "app")
class TestThatWasNotProved:
    """A session with the password only, of an account that has just got a second factor: its holder may know only the password."""

    @pytest.fixture
    def app(self, here, ada):  # noqa: ARG002  # after the sign-in, which would ask for it
        return App(ada)

    @pytest.mark.long
    def test_it_opens_nothing_and_is_led_to_prove_it_which_the_password_again_does_not(self, here, ada):
        """The account isn't changed by it either, though it began a moment ago, so that the password need not be entered again."""
        for path in PATHS:
            for response in (here.get(path), here.post(path)):
                assert response["Location"].startswith(f"{CONFIRM}?next=%2Fw%2Fdemo%2F"), path
        assert f"{DEMAND} Use your passkey or a code to open it." in text_of(here.get(response["Location"]))
        assert here.get("/w/demo/search/?q=ben", headers={"HX-Request": "true"}).status_code == 302
        for path in ("passkeys/new/", "codes/on/", "codes/off/", "recovery-codes/new/", "password/"):
            assert here.get(f"{SECURITY}{path}")["Location"].startswith(CONFIRM)
        factories.create_workspace("second", owner=ada.email)
        assert here.get("/w/second/members/").status_code == 200
        assert here.get(SECURITY).status_code == 200
        assert "Enter the code." in text_of(here.post(CONFIRM, {"password": factories.PASSWORD, "next": MEMBERS}))
        assert here.get(MEMBERS).status_code == 302

    @pytest.mark.parametrize("kind", ["one-time code", "recovery code"])
    def test_a_code_leads_back_and_opens_it(self, here, app, kind):
        code = app.code if kind == "one-time code" else app.recovery_codes[0]
        assert here.post(CONFIRM, {"password": factories.PASSWORD, "code": code, "next": MEMBERS})["Location"] == MEMBERS
        assert here.get(MEMBERS).status_code == 200

    def test_what_was_sent_is_done_once_it_is_proved(self, here, app):
        asked = asked_by(here.post(INVITE, {"emails": "jonas@example.com", "role": "admin"}))
        assert not Invitation.objects.exists()
        assert here.post(CONFIRM, {"password": factories.PASSWORD, "code": app.code, **asked})["Location"] == MEMBERS
        assert Invitation.objects.get().role == "admin"

    def test_a_sign_in_with_a_code_opens_it(self, ada, app):
        browser = Browser()
        sign_in(browser, ada)
        browser.post("/accounts/sign-in/code/", {"code": app.code})
        assert browser.get(MEMBERS).status_code == 200

    def test_one_that_is_gone_by_now_proves_nothing(self, here, ada, app):
        prove(here, app.factor)
        assert here.get(MEMBERS).status_code == 200
        app.factor.delete()
        add_passkey(ada)
        assert here.get(MEMBERS)["Location"].startswith(CONFIRM)

    def test_new_recovery_codes_take_a_proof_and_then_count_as_one(self, here, app):
        """Otherwise they would be a way around it: made with the password only, and then entered."""
        new = "/accounts/security/recovery-codes/new/"
        asked = asked_by(here.post(new))
        assert "Save your recovery codes" in text_of(here.post(CONFIRM, {"password": factories.PASSWORD, "code": app.recovery_codes[0], **asked}))
        assert here.get(MEMBERS).status_code == 200


@pytest.mark.usefixtures("_demand")
class TestLast:
    def test_the_last_one_can_not_be_removed_and_one_of_two_can(self, here, ada, mailbox):
        passkey = prove(here, add_passkey(ada))
        remove = f"{SECURITY}passkeys/{passkey.pk}/remove/"
        response = here.post(remove)
        assert "Demo requires a second factor, and this is your last one. Add another one first." in response.content.decode()
        assert "<title>Error: " in response.content.decode()
        assert here.get(SECURITY).content.decode().count("<b>Laptop</b>") == 1
        assert mailbox() == []
        prove(here, App(ada).factor)
        assert here.post(remove).status_code == 302
        assert "Demo requires a second factor" in here.post(f"{SECURITY}codes/off/").content.decode()


class TestOtherSessions:
    """The account's other sessions: the second factor may be meant to keep out somebody who has one."""

    @pytest.mark.long
    @pytest.mark.parametrize(("others", "said"), [(1, "Your other session has ended."), (2, "Your 2 other sessions have ended.")])
    def test_the_first_factor_ends_them_and_the_account_is_told(self, here, ada, mailbox, others, said):
        browsers = [as_person(ada) for _ in range(others)]
        mailbox.clear()
        key = here.row_key
        response, _ = turn_on_codes(here)
        assert f"One-time codes are on. {said}" in text_of(response)
        assert {browser.get(SECURITY)["Location"].partition("?")[0] for browser in browsers} == {"/accounts/sign-in/"}
        assert here.get(SECURITY).status_code == 200
        assert last_event("user.one_time_codes_on").after == {"sessions_ended": others}
        [message] = mailbox(ada.email)
        assert f"you need a code from your app after your password. {said}" in " ".join(message.body.split())
        assert not Session.objects.filter(session_key=key).exists()

    def test_without_other_sessions_the_page_does_not_mention_them(self, here, ada, mailbox):
        assert "session" not in text_of(re.search(r"<main.*</main>", turn_on_codes(here)[0].content.decode(), re.DOTALL)[0])
        assert "code from your app after your password.\n" in mailbox(ada.email)[-1].body
        assert last_event("user.one_time_codes_on").after == {"sessions_ended": 0}

    def test_a_further_factor_ends_none(self, here, elsewhere, ada):
        for browser in (here, elsewhere):
            prove(browser, add_passkey(ada))
        turn_on_codes(here)
        assert elsewhere.get(SECURITY).status_code == 200
        assert last_event("user.one_time_codes_on").after == {}
        assert Authenticator.objects.filter(type="totp").exists()


class TestWhereTheSessionEndsMeanwhile:
    """The owner ends it while ten recovery codes are hashed, which takes a second."""

    @pytest.fixture
    def theirs(self, here, ada, monkeypatch):
        theirs, make = Browser(raise_request_exception=False), recovery_codes.make
        sign_in(theirs, ada)

        def end_meanwhile():
            assert here.post(f"{SECURITY}sessions/end-others/")["Location"] == SECURITY
            return make()

        monkeypatch.setattr(recovery_codes, "make", end_meanwhile)
        return theirs

    def test_no_factor_is_added(self, theirs):
        response, _ = turn_on_codes(theirs)
        assert response.status_code == 400
        assert "Your session has ended" in text_of(response)
        assert not Authenticator.objects.exists()
        assert last_event("user.one_time_codes_on") is None

    def test_nor_a_passkey(self, theirs, ada):
        kept = theirs.row_key
        with pytest.raises(SessionInterrupted):
            second_factors.add_passkey(user=ada, name="Laptop", credential={}, kept=kept, actor=factories.TESTS, now=timezone.now())
        assert not Authenticator.objects.exists()

    def test_the_recovery_codes_stay(self, here, theirs, ada):
        codes = second_factors.of(ada, Authenticator.Type.RECOVERY_CODES)
        passkey = Authenticator.objects.create(user=ada, type=Authenticator.Type.WEBAUTHN, data={"name": "Laptop", "credential": {}})
        for browser in (here, theirs):
            prove(browser, passkey)
        Authenticator.objects.create(user=ada, type=Authenticator.Type.RECOVERY_CODES, data={"hashes": ["old"]})
        assert theirs.post(f"{SECURITY}recovery-codes/new/").status_code == 400
        assert codes.get().data == {"hashes": ["old"]}
