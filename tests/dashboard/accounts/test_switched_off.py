"""A disabled account: nobody can sign in, and everything open is closed."""

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from clients.models import HandOver
from clients.services import hand_overs
from clients.services.audit import Actor
from dashboard.models import Invitation, Membership, User
from dashboard.people import account_status, memberships, passwords, second_factors
from dashboard.people.recipients import present_owner_of
from tests import factories
from tests.dashboard.accounts.conftest import app_code, last_event, sign_in
from tests.dashboard.conftest import Browser, text_of

CODE = "/accounts/sign-in/code/"
OFF = "This account is disabled."


@pytest.fixture
def olga(db):
    return factories.create_user("olga@example.com", is_instance_admin=True)


def disable(user):
    return account_status.disable_account(user=user, actor=factories.TESTS, now=timezone.now())


def enable(user):
    return account_status.enable_account(user=user, actor=factories.TESTS, now=timezone.now())


def is_in(browser):
    return browser.get("/accounts/security/").status_code == 200


def test_its_sessions_end_everywhere_and_stay_ended(here, elsewhere, ada):
    assert disable(ada).sessions == 2
    assert not Session.objects.exists()
    assert not is_in(here)
    assert not is_in(elsewhere)
    enable(ada)
    assert not is_in(here)


def test_a_session_that_nobody_has_noted_ends_too_and_stays_ended(ada):
    browser = Browser()
    browser.force_login(ada)
    stored = dict(browser.session)
    disable(ada)
    # Kept by a request that was under way, as it was.
    session = browser.session
    session.update(stored)
    session.save()
    browser.cookies["__Host-session"] = session.session_key
    assert not is_in(browser)
    enable(ada)
    assert not is_in(browser)


def test_without_a_proof_it_looks_like_a_wrong_password(browser, ada):
    known = text_of(Browser().post("/accounts/sign-in/", {"login": ada.email, "password": "wrong"}))
    disable(ada)
    for password in ("wrong", factories.PASSWORD):
        response = sign_in(browser, ada, password)
        assert response.status_code == 200
        assert text_of(response) == known
    assert not is_in(browser)


@pytest.mark.long
def test_a_code_after_the_password_leads_nowhere_also_once_the_account_is_on_again(browser, ada, app, demo):
    """A sign-in that was started before may belong to the person who must be kept out. Memberships and factors are there still."""
    second = Browser()
    for one in (browser, second):
        assert sign_in(one, ada)["Location"].startswith(CODE)
    disable(ada)
    assert OFF in text_of(browser.post(CODE, {"code": app_code(app.secret, steps=-1)}, follow=True))
    assert not is_in(browser)
    assert last_event("user.signed_in") is None
    enable(ada)
    assert browser.get(CODE)["Location"] == "/accounts/sign-in/"
    assert "The password was changed in the meantime. Sign in again." in text_of(second.post(CODE, {"code": app.code}, follow=True))
    assert not is_in(second)
    sign_in(browser, ada)
    assert browser.post(CODE, {"code": app_code(app.secret, steps=1)})["Location"] == "/"
    assert browser.get("/w/demo/members/").status_code == 200
    assert second_factors.has_strong(ada)


@pytest.mark.parametrize("way", ["changed", "reset"])
def test_nor_once_the_password_is_another(browser, ada, app, way):
    """Somebody who knew the old password and has a code doesn't get in after the owner has changed it."""
    sign_in(browser, ada)
    if way == "reset":
        link = passwords.make_reset_link(ada)
        Browser().post(link, {"new_password": "an-entirely-new-phrase"})
    else:
        passwords.set_password(user=ada, hashed_password="other", kept="", actor=factories.TESTS, now=timezone.now())
    assert "The password was changed in the meantime. Sign in again." in text_of(browser.post(CODE, {"code": app.code}, follow=True))
    assert not is_in(browser)


def test_a_reset_link_leads_nowhere_also_after_the_account_is_on_again(browser, ada):
    link = passwords.make_reset_link(ada)
    assert browser.get(link).status_code == 200
    disable(ada)
    assert browser.get(link).status_code == 410
    enable(ada)
    assert browser.get(link).status_code == 410
    assert browser.get(passwords.make_reset_link(User.objects.get(pk=ada.pk))).status_code == 200


def test_no_reset_link_is_sent_and_nobody_is_told(browser, ada, mailbox):
    known = text_of(browser.post("/accounts/reset/", {"email": "nobody@example.com"})).replace("nobody@example.com", "")
    disable(ada)
    assert text_of(browser.post("/accounts/reset/", {"email": ada.email})).replace(ada.email, "") == known
    assert mailbox() == []


def test_a_change_of_its_address_ends(here, ada, mailbox):
    here.post("/accounts/profile/email/", {"email": "ada@new.example"})
    link = mailbox.link("ada@new.example")
    disable(ada)
    enable(ada)
    sign_in(here, ada)
    assert here.post(link).status_code == 410
    assert User.objects.get(pk=ada.pk).email == "ada@example.com"


def test_an_invitation_makes_no_second_account_of_it(browser, ada, ben, other):
    disable(ada)
    by = Membership.objects.get(workspace=other)
    browser.get(f"/accounts/invite/{factories.invite(by, ada.email).plaintext}/")
    invitation = Invitation.objects.get()
    assert "Sign in to join" in text_of(browser.get("/accounts/invite/"))
    browser.post("/accounts/invite/", {"invitation": invitation.pk, "name": "Ada", "password": "four-words-in-a-row"})
    assert not Membership.objects.filter(user=ada, workspace=other).exists()
    assert User.objects.filter(email=ada.email).count() == 1


def test_the_links_that_it_made_are_withdrawn_in_every_workspace(ada, demo, other, billing):
    factories.add_member(other, ada, Membership.Role.ADMIN)
    for workspace in (demo, other):
        factories.invite(Membership.objects.get(user=ada, workspace=workspace), "jonas@example.com")
    _hand_over(billing.secret.client, ada)
    # Of a workspace that it isn't in any more, as in a database from before.
    Membership.objects.filter(user=ada, workspace=other).delete()
    # Made for it, where it never was: it takes no account to use that.
    factories.create_user("oscar@example.com")
    _hand_over(factories.create_client(factories.create_workspace("third")).secret.client, User.objects.get(email="oscar@example.com"), recipient=ada.email)
    assert str(disable(ada).withdrawn) == "2 invitations and 2 hand-over links"
    assert not Invitation.objects.open(timezone.now()).exists()
    assert not HandOver.objects.open(timezone.now()).exists()
    event = last_event("invitation.withdrawn")
    assert (event.workspace, event.after) == (other, {"reason": "The account ada@example.com was disabled."})
    enable(ada)
    assert not Invitation.objects.open(timezone.now()).exists()


def _hand_over(client, user, *, recipient=""):
    lifetime = {"lifetime": hand_overs.MAX_LIFETIME, "secret_lifetime": None}
    return hand_overs.create_hand_over(client=client, recipient=recipient, **lifetime, actor=Actor(user.audit_name), now=timezone.now())


@pytest.mark.long
def test_the_mail_of_clients_that_name_it_goes_elsewhere_and_members_see_that_it_is_off(elsewhere, ben, eve, demo, other):
    """An outsider whom a member named is told as before."""
    of_ben, of_eve = (factories.create_client(demo, contact=user.email.title()).secret.client for user in (ben, eve))
    assert present_owner_of(of_ben) == ["Ben@Example.Com"]
    disable(ben)
    assert present_owner_of(of_ben) == []
    assert "ben@example.com Disabled" in text_of(elsewhere.get("/w/demo/members/"))
    enable(ben)
    # Nor does it go to somebody who was removed without an heir, as by single sign-on.
    memberships.remove_member(membership=Membership.objects.get(user=ben, workspace=demo), by=None, actor=factories.TESTS, now=timezone.now())
    assert (present_owner_of(of_ben), present_owner_of(of_eve)) == ([], ["Eve@Example.Com"])
    factories.add_member(demo, ben)
    assert present_owner_of(of_ben) == ["Ben@Example.Com"]
