"""Accepting an invitation: the link of the mail, for one address, once."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.contrib.sessions.models import Session
from django.utils import timezone

from clients.models import Workspace
from clients.redaction import redact
from dashboard.models import Invitation, Membership, User
from dashboard.people import quotas, throttling
from oauth.models import FailureCount
from tests import factories
from tests.dashboard.conftest import Browser, sign_in, text_of
from tests.dashboard.members.conftest import Role, events, invitation_link, mails, membership_of, role_of
from tests.kept_rows import kept

JOIN = "/accounts/invite/"
ACCOUNT = {"name": "Jonas Weber", "password": "four-words-in-a-row"}
INVALID = "This invitation isn’t valid"


@pytest.fixture
def link(by):
    """To demo, as a developer, for somebody without an account."""
    return kept(lambda: invitation_link(by, "jonas@example.com", Role.DEVELOPER))


def see(browser, link):
    return browser.get(link, follow=True)


def accept(browser, **fields):
    return browser.post(JOIN, {"invitation": Invitation.objects.values_list("pk", flat=True).get(), **fields}, follow=True)


class TestTheLink:
    def test_says_what_it_is_and_from_there_on_no_address_holds_the_token(self, browser, link):
        """Opening it uses nothing up."""
        token = link.split("/")[3]
        Browser().head(link)
        Browser().get(link)
        response = browser.get(link)
        assert (response.status_code, response["Location"], response["Cache-Control"]) == (302, JOIN, "max-age=0, no-cache, no-store, must-revalidate, private")
        page = browser.get(JOIN)
        assert token not in page.content.decode()
        assert "no-store" in page["Cache-Control"]
        text = text_of(page)
        assert "Join Demo" in text
        assert "ada@example.com invites jonas@example.com as a developer. The invitation expires on" in text
        assert not User.objects.filter(email="jonas@example.com").exists()

    def test_an_invalid_link_leads_to_one_page(self, browser, link):
        unknown = text_of(browser.get("/accounts/invite/B/"))
        assert INVALID in unknown
        assert "ask an admin or owner of the workspace for a new invitation" in unknown
        assert "Demo" not in unknown
        assert unknown == text_of(browser.get(JOIN))
        assert browser.post(JOIN, {"invitation": "1", **ACCOUNT}).status_code == 404
        for token in ("A" * 43, link.split("/")[3][:-1], "x" * 100_000, "%00%ff%fe", "🔑"):
            response = browser.get(f"/accounts/invite/{token}/", follow=True)
            assert (response.status_code, text_of(response)) == (404, unknown)
        before = Invitation.objects.values("expires_at", "withdrawn_at", "token_digest", "accepted_at").get()
        see(browser, link)
        now = timezone.now()
        for change in ({"expires_at": now}, {"accepted_at": now}, {"token_digest": "0" * 64}, {"withdrawn_at": now}):
            Invitation.objects.update(**before | change)
            response = Browser(raise_request_exception=False).get(link, follow=True)
            assert (response.status_code, text_of(response)) == (404, unknown), change
        # Nor does a page that stayed open.
        response = accept(browser, **ACCOUNT)
        assert response.status_code == 404
        assert INVALID in text_of(response)
        assert not User.objects.filter(email="jonas@example.com").exists()

    def test_the_token_is_not_in_the_log_if_something_fails(self, link):
        assert redact(f"Service Unavailable: {link}") == "Service Unavailable: /accounts/invite/[redacted]/"

    def test_forged_links_leave_no_row_and_keep_nobody_from_a_good_one(self, browser, link, monkeypatch, settings):
        monkeypatch.setattr(quotas, "MAX_NEW_SESSIONS", 2)
        settings.FAILURES_PER_CLIENT = settings.FAILURES_PER_ADDRESS = 2
        before = Session.objects.count(), FailureCount.objects.count()
        assert {browser.get(f"/accounts/invite/forged-{number}/").status_code for number in range(5)} == {404}
        assert (Session.objects.count(), FailureCount.objects.count()) == before
        assert browser.get(link).status_code == 302

    def test_one_link_fills_no_table_with_sessions(self, link, monkeypatch):
        monkeypatch.setattr(quotas, "MAX_NEW_SESSIONS", 2)
        before = Session.objects.count()
        answers = [Browser().get(link) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [302, 302, 429, 429]
        assert "Too many attempts. Wait 5 min and try again. The link still works: open it again then." in text_of(answers[-1])
        assert INVALID not in text_of(answers[-1])
        assert Session.objects.count() == before + 2

    def test_with_two_open_links_the_person_joins_the_workspace_that_the_form_showed(self, browser, link, eve, other):
        see(browser, link)
        shown = Invitation.objects.get().pk
        see(browser, invitation_link(membership_of(eve, other), "jonas@example.com"))
        response = browser.post(JOIN, {"invitation": shown, **ACCOUNT}, follow=True)
        assert "Join Other" in text_of(response)
        assert not User.objects.filter(email="jonas@example.com").exists()


class TestWithoutAnAccount:
    def test_name_and_password_make_it_join_and_sign_in_and_whoever_invited_is_told(self, browser, link, demo, ada):
        page = " ".join(see(browser, link).content.decode().split())
        assert 'value="jonas@example.com" autocomplete="username" readonly' in page
        # Nothing else can be chosen.
        response = accept(browser, **ACCOUNT, email="eve@example.com", role="owner", is_staff="on", workspace="other")
        assert "Welcome to Demo." in text_of(response)
        user = User.objects.get(email="jonas@example.com")
        assert (user.name, role_of(user, demo), user.is_staff, user.memberships.count()) == ("Jonas Weber", "developer", False, 1)
        assert not User.objects.filter(email="eve@example.com").exists()
        assert user.check_password(ACCOUNT["password"])
        assert browser.get("/w/demo/members/").status_code == 200
        # The link has proved the address.
        [address] = EmailAddress.objects.all()
        assert (address.email, address.verified, address.primary) == ("jonas@example.com", True, True)
        jonas = user.audit_name
        assert events("", workspace=demo) == [
            ("invitation.accepted", jonas, "jonas@example.com", {}, {"role": "developer"}),
            ("member.added", jonas, jonas, {}, {"role": "developer", "invited_by": ada.audit_name}),
        ]
        assert [event for event, *_ in events("user.")] == ["user.created", "user.signed_in"]
        assert [(to, subject) for to, subject, _ in mails()] == [("ada@example.com", "Your invitation to Demo was accepted")]

    def test_every_owner_hears_of_a_new_one(self, browser, link, demo):
        factories.add_member(demo, factories.create_user("olga@example.com"), Membership.Role.OWNER)
        Invitation.objects.update(role="owner")
        see(browser, link)
        accept(browser, **ACCOUNT)
        told = {(to, subject) for to, subject, _ in mails()}
        assert told == {
            ("ada@example.com", "Your invitation to Demo was accepted"),
            ("ada@example.com", "A new owner: Demo"),
            ("olga@example.com", "A new owner: Demo"),
        }

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"name": ""}, "Enter your name, for example Ana Ruiz."),
            ({"name": "x" * 100_000}, "A name can have at most 100 characters."),
            ({"name": "a\u202eb"}, "The name contains a line break or an invisible character."),
            ({"name": "a\0b"}, "Null characters are not allowed."),
            ({"password": ""}, "Enter a new password."),
            ({"password": "elevenchars"}, "A password needs at least 12 characters. Make it longer."),
            ({"password": "jonas@example.com"}, "This is too similar to the e"),
            ({"password": "jonas weber 1"}, "This is too similar to the name. Choose another."),
            ({"password": "qwerty123456"}, "This password was published after a breach, so attackers try it first. Choose another."),
            ({"password": "x" * 100_000}, "A password can have at most 1,024 characters."),
        ],
    )
    def test_what_is_wrong_is_said_and_nothing_is_made(self, browser, link, fields, said):
        see(browser, link)
        response = accept(browser, **{**ACCOUNT, **fields})
        text = text_of(response)
        assert response.status_code == 200
        assert "<title>Error: Join Demo" in response.content.decode()
        assert "You haven’t joined." in text
        assert said in text
        assert ACCOUNT["password"] not in response.content.decode()
        assert not User.objects.filter(email="jonas@example.com").exists()
        assert Invitation.objects.get().accepted_at is None

    def test_while_too_many_passwords_are_checked_one_is_asked_to_come_back(self, browser, link):
        see(browser, link)
        throttling.waiting["link of jonas@example.com"] = ""
        try:
            response = accept(browser, **ACCOUNT)
        finally:
            throttling.waiting.clear()
        assert (response.status_code, response["Retry-After"]) == (503, "2")
        assert "Too many passwords are being checked." in text_of(response)
        assert "Welcome to Demo." in text_of(accept(browser, **ACCOUNT))

    @pytest.mark.long
    def test_an_account_made_meanwhile_is_signed_in_to(self, browser, link):
        see(browser, link)
        factories.create_user("jonas@example.com")
        response = accept(browser, **ACCOUNT)
        assert "Sign in to join" in text_of(response)
        assert not Membership.objects.filter(user__email="jonas@example.com").exists()

    def test_a_workspace_about_to_be_deleted_takes_nobody(self, browser, link, demo):
        Workspace.objects.filter(pk=demo.pk).update(deletes_at=timezone.now() + timedelta(days=7))
        assert "Demo will be deleted on" in text_of(see(browser, link))
        assert "demo will be deleted on" in text_of(accept(browser, **ACCOUNT))
        assert not User.objects.filter(email="jonas@example.com").exists()


@pytest.mark.usefixtures("demo")
class TestWithAnAccount:
    @pytest.fixture
    def jonas(self):
        return factories.create_user("jonas@example.com")

    def test_a_person_signs_in_and_returns_to_the_invitation(self, browser, link, jonas, demo):
        page = see(browser, link).content.decode()
        assert f'href="/accounts/sign-in/?next={JOIN}"' in page
        assert "password" not in page
        response = browser.post("/accounts/sign-in/", {"login": jonas.email, "password": factories.PASSWORD, "next": JOIN}, follow=True)
        assert "Join Demo" in text_of(response)
        assert "Welcome to Demo." in text_of(accept(browser))
        assert role_of(jonas, demo) == "developer"

    def test_a_post_without_signing_in_changes_nothing(self, browser, link, jonas):
        see(browser, link)
        accept(browser, **ACCOUNT)
        jonas.refresh_from_db()
        assert jonas.check_password(factories.PASSWORD)
        assert not jonas.memberships.exists()

    def test_somebody_who_is_signed_in_joins_with_one_click_once(self, link, jonas, eve, demo):
        """An address that another account proved stays with that one."""
        EmailAddress.objects.create(user=eve, email="jonas@example.com", verified=True)
        browser = sign_in(jonas)
        assert "Join Demo" in text_of(see(browser, link))
        assert role_of(jonas, demo) is None
        accept(browser)
        assert role_of(jonas, demo) == "developer"
        assert EmailAddress.objects.get(email="jonas@example.com", verified=True).user == eve
        membership_of(jonas, demo).delete()
        assert INVALID in text_of(see(browser, link))

    def test_somebody_who_is_a_member_already_is_told(self, link, jonas, demo):
        factories.add_member(demo, jonas, Role.ADMIN)
        browser = sign_in(jonas)
        text = text_of(see(browser, link))
        assert "You are already a member You are an admin of Demo." in text
        assert "You are already a member" in text_of(accept(browser))
        assert role_of(jonas, demo) == "admin"

    def test_a_person_with_another_address_is_told_to_sign_out_first(self, bens, ben, link, demo):
        text = text_of(see(bens, link))
        assert "You are signed in as ben@example.com, and the invitation is for another address." in text
        text = text_of(accept(bens))
        assert "Create account and join" in text
        assert role_of(ben, demo) == "viewer"
        assert [event for event, actor, *_ in events("user.signed_out") if actor == ben.audit_name] == ["user.signed_out"]
        assert bens.get("/w/demo/members/").status_code == 302
        assert "Welcome to Demo." in text_of(accept(bens, **ACCOUNT))

    def test_another_person_with_the_link_does_not_join(self, eves, eve, link, demo):
        see(eves, link)
        accept(eves, **ACCOUNT)
        assert role_of(eve, demo) is None

    def test_a_workspace_about_to_be_deleted_takes_nobody(self, link, jonas, demo):
        browser = sign_in(jonas)
        see(browser, link)
        Workspace.objects.filter(pk=demo.pk).update(deletes_at=timezone.now() + timedelta(days=7))
        assert "demo will be deleted on" in text_of(accept(browser))
        assert role_of(jonas, demo) is None
        assert Invitation.objects.get().accepted_at is None
