"""A new password by a link in a mail."""

import re
import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from django.utils.http import int_to_base36

from clients.redaction import redact
from dashboard.instance import mail
from dashboard.models import Membership, User
from dashboard.people import passwords, quotas
from tests import factories
from tests.dashboard.accounts.conftest import SIGN_IN, last_event, sign_in
from tests.dashboard.conftest import Browser, text_of

ASK, NEW = "/accounts/reset/", "an-entirely-new-phrase"
DEAD = "This link doesn’t work any more"


@pytest.fixture
def link(ada):
    return passwords.make_reset_link(ada)


@pytest.fixture
def adas_invitation(ada, demo):
    """A link for a new person to join."""
    new = factories.invite(Membership.objects.get(user=ada, workspace=demo), "jonas@example.com")
    return f"/accounts/invite/{new.plaintext}/"


@pytest.mark.parametrize("host", ["localhost", "localhost:4915112345678", "LOCALHOST.:1", "127.0.0.1:8443"])
def test_the_mail_names_the_instance_whatever_host_the_request_has(ada, mailbox, host):
    """A stranger could write a telephone number into its subject."""
    assert Client(headers={"host": host, "x-forwarded-proto": "https"}).post(ASK, {"email": ada.email}, secure=True).status_code == 200
    assert mailbox.subjects(ada.email) == ["Set a new password for localhost:8443"]


def test_the_link_of_the_mail_sets_a_password_once_signs_nobody_in_and_ends_every_session(browser, here, ada, mailbox):
    """A sign-in leaves it good, so no thief shuts the owner out by one."""
    stranger = Browser(raise_request_exception=False)
    stranger.post(ASK, {"email": ada.email})
    link = mailbox.link(ada.email)
    mailbox.clear()
    sign_in(Browser(), ada)
    assert ada.email in stranger.get(link).content.decode()
    sign_in(Browser(), ada)
    mailbox.clear()
    assert stranger.post(link, {"new_password": NEW})["Location"] == SIGN_IN
    assert "Sign in with the new one." in stranger.get(SIGN_IN).content.decode()
    assert stranger.get("/accounts/security/").status_code == 302
    assert here.get("/accounts/security/").status_code == 302
    assert not Session.objects.filter(session_key=here.row_key).exists()
    assert mailbox.subjects(ada.email)[0] == "Your password was reset by a link in an email"
    assert last_event("user.password_reset").target_id == ada.audit_name
    for response in (stranger.get(link), stranger.post(link, {"new_password": "another-long-phrase"})):
        assert response.status_code == 410
        assert DEAD in response.content.decode()
    assert sign_in(stranger, ada, NEW)["Location"] == "/"


def test_the_second_factor_is_still_asked_for(browser, ada, app, link):
    browser.post(link, {"new_password": NEW})
    assert sign_in(browser, ada, NEW)["Location"] == "/accounts/sign-in/code/"


def test_nobody_is_flooded_with_links_from_many_addresses(browser, ada, eve, mailbox):
    """Earlier links still work, so the account's owner isn't kept out."""
    answers = [browser.post(ASK, {"email": ada.email}, REMOTE_ADDR=f"203.0.113.{number}") for number in range(8)]
    assert {(answer.status_code, len(answer.content)) for answer in answers} == {(200, len(answers[0].content))}
    assert len(mailbox(ada.email)) == 5
    browser.post(ASK, {"email": eve.email})
    assert len(mailbox(eve.email)) == 1
    assert browser.post(mailbox.link(ada.email), {"new_password": NEW})["Location"] == SIGN_IN


@pytest.mark.parametrize("what", ["for another address", "from before the password changed", "an hour old", "with another account's number", "never one"])
def test_a_link_leads_nowhere(browser, ada, eve, link, what):
    token = link.rstrip("/").rpartition("/")[2].partition("-")[2]
    links = {
        "an hour old": [f"{ASK}{int_to_base36(ada.pk)}-{_AnHourAgo().make_token(ada)}/"],
        "with another account's number": [f"{ASK}{int_to_base36(eve.pk)}-{token}/"],
        "never one": [f"{ASK}{one}/" for one in ("x", "-", "1-", "1-2-3", "zzzzzzzzzzzzz-x-y", "%00-%00", "🙂-x", "1-" + "a" * 3000)],
    }
    if what == "for another address":
        User.objects.filter(pk=ada.pk).update(email="ada@new.example")
    if what == "from before the password changed":
        passwords.set_password(user=ada, hashed_password=make_password(factories.PASSWORD), kept="", actor=factories.TESTS, now=timezone.now())
    for dead in links.get(what, [link]):
        response = browser.get(dead)
        assert response.status_code == 410
        assert DEAD in response.content.decode()
        assert browser.post(dead, {"new_password": NEW}).status_code == 410
    for user in (ada, eve):
        user.refresh_from_db()
        assert user.check_password(factories.PASSWORD)


def test_somebody_who_knows_the_password_can_end_few_links_by_changing_it(here, ada, browser, monkeypatch):
    """Otherwise a thief could set one password after the other, and each of the owner's links would be invalid when opened."""
    monkeypatch.setattr(quotas, "MAX_PASSWORD_CHANGES", 1)
    change = "/accounts/security/password/"
    assert here.post(change, {"current_password": factories.PASSWORD, "new_password": NEW}).status_code == 302
    link = passwords.make_reset_link(User.objects.get(pk=ada.pk))
    refused = here.post(change, {"current_password": NEW, "new_password": f"{NEW}-2"})
    assert refused.status_code == 429
    assert "Too many password changes. Wait 60 min and try again." in text_of(refused)
    assert Browser().post(link, {"new_password": f"{NEW}-3"})["Location"] == SIGN_IN
    assert here.get("/accounts/security/")["Location"].startswith(SIGN_IN)


class _AnHourAgo(PasswordResetTokenGenerator):
    def _now(self):
        return super()._now() - timedelta(seconds=3601)


def test_two_at_once_use_it_once(ada, link):
    token = link.rstrip("/").rpartition("/")[2]
    passwords.reset_password(link=token, hashed_password="x", actor=factories.TESTS, now=timezone.now())
    with pytest.raises(passwords.DeadLinkError):
        passwords.reset_password(link=token, hashed_password="y", actor=factories.TESTS, now=timezone.now())


@pytest.mark.parametrize(
    ("password", "hint"),
    [
        ("", "Enter a new password."),
        ("short", "A password needs at least 12 characters."),
        ("password1234", "published after a breach"),
        (" PassWord1234", "published after a breach"),
        ("TokenOS-localhost", "Without the name of this site"),
        ("my-tokenos-pw", "Without the name of this site"),
        ("x" * 1025, "1,024"),
        ("x" * 100_000, "1,024"),
        ("a\0" * 10, "Null characters"),
    ],
)
def test_a_bad_password_is_refused_and_the_link_stays_good(browser, ada, link, password, hint):
    response = browser.post(link, {"new_password": password})
    assert response.status_code == 200
    assert hint in response.content.decode()
    assert "<title>Error: " in response.content.decode()
    assert browser.post(link, {"new_password": NEW}).status_code == 302


class TestAsking:
    def test_nobody_learns_who_has_an_account_and_one_that_is_switched_off_gets_none(self, ada, eve, mailbox):
        User.objects.filter(pk=eve.pk).update(is_active=False)
        answers = []
        for email, target in ((ada.email.upper(), ada.audit_name), ("nobody@example.com", "unknown"), (eve.email, None)):
            response = Browser().post(ASK, {"email": email})
            answers.append((response.status_code, re.sub(r'value="\w{64}"', "", response.content.decode()).replace(email, "…").replace(email.lower(), "…")))
            assert target is None or last_event("user.password_reset_requested").target_id == target
        assert answers[0] == answers[1] == answers[2]
        assert [message.to for message in mailbox()] == [[ada.email]]

    def test_nor_by_how_long_it_takes(self, ada, settings):
        settings.FAILURES_PER_CLIENT = settings.FAILURES_PER_ADDRESS = 1000

        def measure(email):
            began = time.process_time()
            Browser().post(ASK, {"email": email})
            return time.process_time() - began

        measure(ada.email), measure("nobody@example.com")
        known, unknown = (min(measure(email) for _ in range(5)) for email in (ada.email, "nobody@example.com"))
        assert 0.6 < known / unknown < 1.7

    @pytest.mark.parametrize("email", ["", "ada", "a@b", "a\0@example.com", "x" * 100_000, "🙂"])
    @pytest.mark.usefixtures("db")
    def test_anything_but_an_address_is_refused(self, browser, email):
        response = browser.post(ASK, {"email": email})
        assert response.status_code == 200
        assert "No mail was sent." in response.content.decode()

    def test_a_mailbox_can_not_be_flooded(self, browser, ada, settings, mailbox):
        settings.FAILURES_PER_CLIENT = 2
        statuses = [browser.post(ASK, {"email": ada.email}).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
        assert len(mailbox(ada.email)) == 2
        assert browser.post(SIGN_IN, {"login": ada.email, "password": factories.PASSWORD}).status_code == 302

    def test_a_mail_server_that_is_down_changes_nothing(self, browser, ada, settings):
        settings.EMAIL_BACKEND = "dashboard.instance.mail.smtp.Backend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
        assert browser.post(ASK, {"email": ada.email}).status_code == 200


def test_the_token_is_in_no_log(ada, link):
    assert redact(f"Gone: {link}") == "Gone: /accounts/reset/[redacted]/"


def test_the_page_tells_no_other_page_where_it_was(browser, link):
    response = browser.get(link)
    assert response["Referrer-Policy"] == "strict-origin"
    assert "no-store" in response["Cache-Control"]


def test_a_browsers_form_is_accepted_and_no_other_sites_or_one_without_its_token(ada, link):
    """Recognised by the Origin that browsers send with a form under this policy."""
    browser = Client(enforce_csrf_checks=True)
    assert browser.post(link, {"new_password": NEW}, secure=True).status_code == 403
    assert not Session.objects.exists()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.get(link, secure=True).content.decode())[1]
    fields = {"new_password": NEW, "csrfmiddlewaretoken": token}
    assert browser.post(link, fields, secure=True, headers={"origin": "https://evil.example"}).status_code == 403
    assert browser.post(link, fields, secure=True, headers={"origin": "https://testserver"}).status_code == 302


class TestWithoutAMailServer:
    """The mail is then a file for the operator, so nobody is told to look for a mail."""

    @pytest.fixture(autouse=True)
    def _files(self, settings, tmp_path):
        settings.DATA_DIR = tmp_path
        settings.EMAIL_BACKEND = "dashboard.instance.mail.files.Backend"

    def test_the_page_says_whom_to_ask_and_not_whether_there_is_an_account(self, browser, ada, tmp_path):
        assert "This instance has no mail server yet: ask its administrator for the link afterwards." in text_of(browser.get(ASK))
        answers = [text_of(browser.post(ASK, {"email": email})).replace(email, "…") for email in (ada.email, "none@example.com")]
        assert answers[0] == answers[1]
        assert "If … has an account, the mail with the link was written to a file in DATA_DIR/mail." in answers[0]
        assert "Ask the administrator of this instance for the link. It works once, within 1 hour." in answers[0]
        assert "on its way" not in answers[0]
        mail.wait_until_sent()
        [file] = (tmp_path / "mail").iterdir()
        assert ada.email in file.read_text()

    @pytest.mark.parametrize("email", ["ada@new.example", "eve@example.com"])
    @pytest.mark.usefixtures("eve")
    def test_nor_does_that_of_another_address(self, here, email):
        """The second address has an account."""
        assert "This instance has no mail server yet: ask its administrator for the link afterwards." in text_of(here.get("/accounts/profile/email/"))
        here.post("/accounts/profile/email/", {"email": email})
        said = text_of(here.get("/accounts/profile/"))
        assert f"Ask its operator for the email to {email}: it is a file in DATA_DIR/mail. Open the link in it within 24 hours." in said
        assert "on its way" not in said


def test_the_hint_under_the_field_tells_every_rule(browser, here, link, adas_invitation):
    said = (
        "At least 12 characters. At least 8 characters that aren’t part of this site’s name. "
        "Not similar to your email or name. Not in a list of breached passwords."
    )
    stranger = Browser()
    stranger.get(adas_invitation)
    for page in (browser.get(link), here.get("/accounts/security/password/"), stranger.get("/accounts/invite/")):
        assert said in text_of(page)
    assert len(settings.AUTH_PASSWORD_VALIDATORS) == said.count(".")
