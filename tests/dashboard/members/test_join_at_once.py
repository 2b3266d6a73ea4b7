"""Accepting an invitation while something else happens to it."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections

from dashboard.models import Invitation, User
from dashboard.people import invitations
from tests import factories
from tests.dashboard.conftest import Browser
from tests.dashboard.members.conftest import Role, events, invitation_link, role_of

JOIN = "/accounts/invite/"
ACCOUNT = {"name": "Jonas Weber", "password": "four-words-in-a-row"}


@pytest.mark.usefixtures("demo")
class TestServices:
    """What happens between the page's and the service's check of an invitation."""

    @pytest.fixture
    def found(self, by):
        return factories.invite(by, "jonas@example.com", Role.DEVELOPER).invitation

    @pytest.fixture
    def jonas(self):
        return factories.create_user("jonas@example.com")

    def test_nobody_else_accepts(self, found, eve, demo, now):
        with pytest.raises(Invitation.DoesNotExist):
            invitations.accept(invitation=found, user=eve, actor=factories.TESTS, now=now)
        assert role_of(eve, demo) is None

    def test_an_invitation_sent_again_is_another_one(self, found, by, jonas, demo, now):
        sent_again = invitations.send_again(invitation=found, by=by, actor=factories.TESTS, now=now).invitation
        with pytest.raises(Invitation.DoesNotExist):
            invitations.accept(invitation=found, user=jonas, actor=factories.TESTS, now=now)
        assert role_of(jonas, demo) is None
        assert invitations.accept(invitation=sent_again, user=jonas, actor=factories.TESTS, now=now).role == "developer"

    def test_an_account_that_was_made_meanwhile_is_not_made_again(self, found, jonas, demo, now):
        with pytest.raises(Invitation.DoesNotExist):
            invitations.accept_as_new_person(invitation=found, name="Jonas", hashed_password="x", actor=factories.TESTS, now=now)
        assert role_of(jonas, demo) is None


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_makes_the_account(by):
    link = invitation_link(by, "jonas@example.com")
    pk = Invitation.objects.get().pk
    browsers = [Browser(raise_request_exception=False, REMOTE_ADDR=f"198.51.100.{number}") for number in range(3)]
    for browser in browsers:
        browser.get(link)
    barrier = Barrier(len(browsers))

    def join(browser):
        barrier.wait()
        try:
            return browser.post(JOIN, {"invitation": pk, **ACCOUNT}).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(browsers)) as pool:
        statuses = list(pool.map(join, browsers))
    # 503: it waited too long for its turn to write.
    assert set(statuses) <= {302, 404, 503}
    assert User.objects.filter(email="jonas@example.com").count() == 1
    assert len(events("invitation.accepted")) == len(events("member.added")) == 1
    assert Invitation.objects.get().accepted_at is not None
