"""If the provider is trusted for a domain, its accounts are connected by address, but only after the owner has proved everything that the account requires."""

import pytest
from allauth.socialaccount.models import SocialAccount
from django.core import mail as outbox

from clients.models import AuditEvent
from dashboard.instance import mail
from dashboard.models import Membership, User
from tests import factories
from tests.dashboard.accounts.conftest import app_code
from tests.dashboard.conftest import text_of
from tests.dashboard.sso.conftest import come, events, heading, user_of
from tests.dashboard.sso.test_connection import sign_in

CODE = "/accounts/sign-in/code/"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _domain(okta, settings, demo):
    settings.SSO_DOMAINS = ["example.com"]


@pytest.fixture
def with_codes(ada):
    return factories.turn_on_one_time_codes(ada)


def subjects():
    return list(SocialAccount.objects.values_list("user__email", "uid"))


def told():
    mail.wait_until_sent()
    return [message.to for message in outbox.outbox if message.subject == "Your account was connected to Okta"]


@pytest.mark.usefixtures("with_codes")
class TestWithASecondFactor:
    def test_without_the_proof_nothing_is_stored(self, browser, okta, ada, other):
        before = AuditEvent.objects.count()
        assert come(browser, okta, sub="somebody", groups=["platform"])["Location"] == CODE
        assert (subjects(), user_of(browser), AuditEvent.objects.count()) == ([], None, before)
        assert not Membership.objects.filter(user=ada, workspace=other).exists()
        assert told() == []

    def test_so_the_owner_can_still_connect(self, browser, okta, ada, second_browser):
        come(second_browser, okta, sub="somebody")
        assert come(browser, okta, sub="00u1ada")["Location"] == CODE
        assert browser.post(CODE, {"code": app_code(factories.TOTP_SECRET)})["Location"] == "/"
        assert subjects() == [(ada.email, "00u1ada")]

    def test_after_the_proof_the_account_is_connected_gets_its_groups_roles_and_is_told(self, browser, okta, ada, other):
        come(browser, okta, groups=["platform"])
        browser.post(CODE, {"code": app_code(factories.TOTP_SECRET)})
        assert user_of(browser) == ada.pk
        assert Membership.objects.get(user=ada, workspace=other).role == "viewer"
        assert {event.actor for event in events("user.sso_connected", "member.added")[-2:]} == {f"sso:{okta.issuer}"}
        assert told() == [[ada.email]]

    def test_another_sign_in_in_between_links_nobody_with_the_first(self, browser, okta, ben):
        come(browser, okta, sub="somebody")
        come(browser, okta, sub="00u1ben", email=ben.email)
        assert (user_of(browser), subjects()) == (ben.pk, [(ben.email, "00u1ben")])

    @pytest.mark.parametrize("meanwhile", ["linked", "promoted"])
    def test_an_account_that_is_gone_is_not_connected(self, browser, okta, ada, meanwhile):
        come(browser, okta, sub="somebody")
        if meanwhile == "linked":
            SocialAccount.objects.create(user=ada, provider=okta.issuer, uid="00u1ada")
        else:
            User.objects.filter(pk=ada.pk).update(is_staff=True)
        before = subjects()
        assert browser.post(CODE, {"code": app_code(factories.TOTP_SECRET)})["Location"] == "/accounts/sign-in/"
        assert (user_of(browser), subjects()) == (None, before)
        assert "Your account can no longer be connected to Okta. Sign in as before." in text_of(browser.get("/accounts/sign-in/"))
        assert events("user.sign_in_failed")[-1].target_id == ada.audit_name

    def test_the_provider_s_own_is_not_as_good_until_they_are_linked(self, browser, okta, ada):
        """Otherwise its operator could open any account of a domain by its address."""
        assert come(browser, okta, amr=["pwd", "mfa"])["Location"] == CODE
        assert (subjects(), user_of(browser), told()) == ([], None, [])
        browser.post(CODE, {"code": app_code(factories.TOTP_SECRET)})
        assert (user_of(browser), told()) == (ada.pk, [[ada.email]])
        browser.post("/accounts/sign-out/")
        come(browser, okta, amr=["pwd", "mfa"])
        assert user_of(browser) == ada.pk

    def test_a_session_that_has_not_proved_it_connects_nobody(self, browser, okta, ada):
        browser.force_login(ada)
        assert heading(come(browser, okta)) == "An account for ada@example.com already exists"
        assert subjects() == []


def test_without_one_the_owner_is_told_as_well(browser, okta, ada):
    come(browser, okta)
    assert (user_of(browser), subjects(), told()) == (ada.pk, [(ada.email, "00u1ada")], [[ada.email]])


def test_so_is_who_is_signed_in_already(browser, okta, ada):
    sign_in(browser, ada)
    come(browser, okta)
    assert (subjects(), told()) == ([(ada.email, "00u1ada")], [[ada.email]])


def test_a_new_account_is_told_of_no_connection(browser, okta):
    come(browser, okta, sub="00u2", email="grace@example.com", groups=["devs"])
    assert (user_of(browser) is not None, told()) == (True, [])
