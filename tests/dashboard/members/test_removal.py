"""Removing somebody from a workspace, leaving it, and who becomes the owner of the clients."""

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from clients.models import Client
from clients.services.clients import hand_over_clients
from dashboard.models import Invitation, Membership
from dashboard.people import memberships
from tests import factories
from tests.dashboard.accounts.conftest import age_confirmation
from tests.dashboard.conftest import join, sign_in, text_of
from tests.dashboard.members.conftest import Role, events, invitation_link, mails, membership_of, role_of
from tests.kept_rows import kept

LEAVE = "/w/demo/members/leave/"


def removal_page(user, workspace):
    return f"/w/{workspace.slug}/members/{membership_of(user, workspace).pk}/remove/"


@pytest.fixture
def jonas(demo):
    """A developer of demo."""
    return kept(lambda: join(demo, "jonas@example.com", Role.DEVELOPER))


@pytest.fixture
def jonases(jonas, demo):
    """The clients that name him, in any letter case, among others."""

    def make():
        for number in range(12):
            factories.create_client(demo, name=f"client-{number:02}", contact="Jonas@Example.com" if number == 0 else jonas.email)
        factories.create_client(demo, name="another", contact="payments team, jonas@example.com")

    kept(make)
    return Client.objects.filter(name__startswith="client-")


class TestRemoving:
    @pytest.mark.usefixtures("jonases")
    def test_the_page_says_what_ends_and_what_goes_on_and_proposes_the_one_who_removes(self, adas, jonas, demo, ada):
        invitation_link(membership_of(ada, demo), "ife@example.com")
        Invitation.objects.update(invited_by=jonas)
        page = adas.get(removal_page(jonas, demo))
        text = text_of(page)
        assert "Remove jonas@example.com?" in text
        assert "12 clients name jonas@example.com as their owner" in text
        assert "client-00, client-01" in text
        assert "and 2 more" in text
        assert "1 invitation made by or for jonas@example.com stops working" in text
        assert "Clients, secrets and tokens keep working" in text
        assert "Keep jonas@example.com" in text
        assert f'<option value="{membership_of(ada, demo).pk}" selected>' in page.content.decode()
        assert role_of(jonas, demo) == "developer"

    def test_somebody_who_is_removed_loses_the_workspace_at_once_and_is_told(self, adas, ada, jonas, demo, other):
        factories.create_client(other, name="theirs", contact=jonas.email)
        browser, page = sign_in(jonas), removal_page(jonas, demo)
        assert browser.get("/w/demo/members/").status_code == 200
        assert "jonas@example.com was removed." in text_of(adas.post(page, follow=True))
        assert browser.get("/w/demo/members/").status_code == 404
        assert "You aren’t in a workspace yet." in text_of(browser.get("/w/"))
        assert events("member.", workspace=demo) == [("member.removed", ada.audit_name, jonas.audit_name, {"role": "developer"}, {})]
        [(to, subject, body)] = mails()
        assert (to, subject) == ("jonas@example.com", "You were removed from Demo")
        assert "You were removed by ada@example.com." in body
        assert Client.objects.get(name="theirs").contact == jonas.email
        assert adas.post(page).status_code == 404

    def test_the_clients_go_to_another_member(self, adas, ada, dan, jonas, jonases, demo):
        response = adas.post(removal_page(jonas, demo), {"heir": membership_of(dan, demo).pk}, follow=True)
        assert "jonas@example.com was removed. dan@example.com is now the owner of 12 clients." in text_of(response)
        assert set(jonases.values_list("contact", flat=True)) == {"dan@example.com"}
        assert Client.objects.get(name="another").contact == "payments team, jonas@example.com"
        changed = events("client.changed", workspace=demo)
        assert len(changed) == 12
        assert changed[0][1:] == (ada.audit_name, jonases.order_by("pk")[0].client_id, {"contact": "Jonas@Example.com"}, {"contact": "dan@example.com"})

    def test_clients_need_somebody_able(self, adas, ben, jonas, demo, eve, other):
        factories.create_client(demo, contact=jonas.email)
        heirs = {
            "nobody": "",
            "themselves": membership_of(jonas, demo).pk,
            "viewer": membership_of(ben, demo).pk,
            "other workspace": membership_of(eve, other).pk,
            "text": "\0😀",
            "huge": "9" * 5000,
        }
        for case, heir in heirs.items():
            response = adas.post(removal_page(jonas, demo), {"heir": heir})
            assert response.status_code == 200, case
            assert "Nobody was removed." in text_of(response)
        assert role_of(jonas, demo) == "developer"
        assert Client.objects.get().contact == jonas.email

    def test_an_admin_removes_no_owner_a_viewer_nobody_and_no_one_people_of_another_workspace(self, adas, bens, dans, eves, ada, dan, eve, jonas, demo, other):
        for browser, page, status in (
            (dans, removal_page(ada, demo), 403),
            (bens, removal_page(jonas, demo), 403),
            (eves, removal_page(ada, demo), 404),
            (eves, f"/w/other/members/{membership_of(ada, demo).pk}/remove/", 404),
            (adas, f"/w/demo/members/{membership_of(eve, other).pk}/remove/", 404),
            (adas, f"/w/demo/members/{2**63}/remove/", 404),
        ):
            assert browser.get(page).status_code == browser.post(page).status_code == status
        assert dans.get(removal_page(dan, demo))["Location"] == LEAVE
        age_confirmation(adas)
        assert adas.post(removal_page(jonas, demo))["Location"].startswith("/accounts/confirm/?next=")
        assert (role_of(ada, demo), role_of(eve, other), role_of(jonas, demo)) == ("owner", "owner", "developer")


class TestLeaving:
    def test_any_member_can_leave(self, bens, ben, demo):
        assert "Leave Demo?" in text_of(bens.get(LEAVE))
        response = bens.post(LEAVE, follow=True)
        assert "You left Demo." in text_of(response)
        assert role_of(ben, demo) is None
        assert events("member.", workspace=demo) == [("member.left", ben.audit_name, ben.audit_name, {"role": "viewer"}, {})]
        assert mails() == []
        assert bens.get("/w/demo/members/").status_code == 404

    def test_the_last_owner_stays_and_with_a_second_owner_may(self, adas, eves, ada, dan, demo):
        page = adas.get(LEAVE)
        assert "You are the only owner. Make someone else an owner first." in text_of(page)
        assert "btn danger" not in page.content.decode()
        assert "Make someone else an owner first." in text_of(adas.post(LEAVE))
        assert role_of(ada, demo) == "owner"
        assert eves.post(LEAVE).status_code == 404
        Membership.objects.filter(user=dan).update(role=Role.OWNER)
        assert "You left Demo." in text_of(adas.post(LEAVE, follow=True))
        assert role_of(ada, demo) is None

    @pytest.mark.long
    def test_the_clients_of_a_leaving_member_are_handed_over(self, jonas, jonases, demo, dan):
        browser = sign_in(jonas)
        assert "12 clients name you as their owner" in text_of(browser.get(LEAVE))
        assert "Choose the new owner of the clients." in text_of(browser.post(LEAVE, {"heir": ""}))
        assert role_of(jonas, demo) == "developer"
        browser.post(LEAVE, {"heir": membership_of(dan, demo).pk})
        assert role_of(jonas, demo) is None
        assert set(jonases.values_list("contact", flat=True)) == {"dan@example.com"}


@pytest.mark.parametrize("case", ["left meanwhile", "of another workspace", "the one who goes"])
def test_services_hand_clients_to_other_members_only(ada, dan, ben, eve, demo, other, case):
    heir = {"left meanwhile": membership_of(dan, demo), "of another workspace": membership_of(eve, other), "the one who goes": membership_of(ben, demo)}[case]
    membership_of(dan, demo).delete()
    with pytest.raises(ValidationError, match="Choose another member of this workspace"):
        memberships.remove_member(membership=membership_of(ben, demo), by=membership_of(ada, demo), heir=heir, actor=factories.TESTS, now=timezone.now())
    assert role_of(ben, demo) == "viewer"


def test_nobody_elses_clients_are_handed_over(demo, now):
    factories.create_client(demo, contact="ada@example.com")
    assert hand_over_clients(workspace=demo, contact="jonas@example.com", to="ada@example.com", actor=factories.TESTS, now=now) == 0
