"""Links for a person's former address are withdrawn with the person, like links for the current one."""

import pytest
from django.utils import timezone

from clients.models import Client
from dashboard.models import Invitation
from dashboard.people import account_status, accounts
from dashboard.people.recipients import present_owner_of
from tests import factories
from tests.dashboard.conftest import text_of
from tests.dashboard.members.conftest import membership_of
from tests.dashboard.members.test_made_links import TAKE, make_link, page_of, remove


@pytest.fixture
def client(demo):
    return factories.create_client(demo).secret.client


@pytest.fixture
def moved(dan, demo):
    """A person whose address was different before."""
    token = accounts.make_email_change_token(user=dan, email="daniel@example.com", actor=factories.TESTS, now=timezone.now())
    return accounts.change_email(user=dan, token=token, actor=factories.TESTS, now=timezone.now())


@pytest.mark.long
@pytest.mark.parametrize("recipient", ["Dan@example.com", "Dan <dan@example.com>", "daniel@example.com"])
def test_a_hand_over_link_is_withdrawn_as_well(adas, browser, ada, moved, client, demo, recipient):
    link = make_link(client, ada, recipient=recipient).plaintext
    assert "1 hand-over link made by or for daniel@example.com stops working" in text_of(adas.get(page_of(moved, demo, "remove")))
    assert "Withdrawn: 1 hand-over link." in text_of(remove(adas, moved, demo, follow=True))
    assert browser.get(f"{TAKE}{link}/", follow=True).status_code == 404


def test_nobody_is_invited_who_is_a_member(adas, moved, demo):
    answer = adas.post("/w/demo/members/invite/", {"emails": "dan@example.com", "role": "developer"})
    assert "dan@example.com is a former address of daniel@example.com, who is already a member." in text_of(answer)
    assert not Invitation.objects.exists()


def test_an_invitation_from_before_is_withdrawn_with_an_account_that_is_switched_off(moved, ada, other, eve):
    """In a workspace that they aren't a member of."""
    factories.invite(membership_of(eve, other), "dan@example.com")
    account_status.disable_account(user=moved, actor=factories.TESTS, now=timezone.now())
    assert not Invitation.objects.open(timezone.now()).exists()


def test_links_for_the_addresss_new_owner_stay(adas, ada, moved, client, demo):
    factories.create_user("dan@example.com")
    factories.invite(membership_of(ada, demo), "dan@example.com")
    make_link(client, ada, recipient="dan@example.com")
    assert "Withdrawn" not in text_of(remove(adas, moved, demo, follow=True))


def test_no_notice_goes_there_once_they_are_out(adas, moved, client, demo):
    Client.objects.update(contact="Dan@example.com")
    client.refresh_from_db()
    assert present_owner_of(client) == ["Dan@example.com"]
    remove(adas, moved, demo, follow=True)
    assert present_owner_of(client) == []
