"""Removing somebody from a workspace, leaving it, and who looks after the clients then."""

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from clients.models import Client
from clients.services.clients import hand_over_clients
from dashboard.models import Invitation
from dashboard.people import memberships
from tests import factories
from tests.dashboard.conftest import sign_in, text_of
from tests.dashboard.members.conftest import Role, events, invitation_link, mails, membership_of, role_of

LEAVE = "/w/demo/members/leave/"


def removal_page(user, workspace):
    return f"/w/{workspace.slug}/members/{membership_of(user, workspace).pk}/remove/"


@pytest.fixture
def jonas(demo):
    """A developer of demo."""
    user = factories.create_user("jonas@example.com")
    factories.add_member(demo, user, Role.DEVELOPER)
    return user


@pytest.fixture
def jonases(jonas, demo):
    """The clients that name him, in any case, among others."""
    for number in range(12):
        factories.create_client(demo, name=f"client-{number:02}", contact="Jonas@Example.com" if number == 0 else jonas.email)
    factories.create_client(demo, name="another", contact="payments team, jonas@example.com")
    return Client.objects.filter(name__startswith="client-")


class TestRemoving:
    @pytest.mark.usefixtures("jonases")
    def test_the_page_says_what_ends_and_what_goes_on(self, adas, jonas, demo, ada):
        invitation_link(membership_of(ada, demo), "ife@example.com")
        Invitation.objects.update(invited_by=jonas)
        text = text_of(adas.get(removal_page(jonas, demo)))
        assert "Remove jonas@example.com?" in text
        assert "12 clients name jonas@example.com as the contact" in text
        assert "client-00, client-01" in text
        assert "and 2 more" in text
        assert "1 invitation made by or for jonas@example.com stops working" in text
        assert "Clients, secrets and tokens go on working" in text
        assert "Keep jonas@example.com" in text

    def test_nobody_is_removed_by_looking(self, adas, jonas, demo):
        adas.get(removal_page(jonas, demo))
        assert role_of(jonas, demo) == "developer"

    def test_whoever_is_removed_loses_the_workspace_at_once(self, adas, jonas, demo):
        browser = sign_in(jonas)
        assert browser.get("/w/demo/members/").status_code == 200
        assert "jonas@example.com was removed." in text_of(adas.post(removal_page(jonas, demo), follow=True))
        assert browser.get("/w/demo/members/").status_code == 404
        assert "You are in no workspace yet." in text_of(browser.get("/", follow=True))

    def test_who_did_it_is_in_the_audit_log(self, adas, ada, jonas, demo):
        adas.post(removal_page(jonas, demo))
        assert events("member.", workspace=demo) == [("member.removed", ada.audit_name, jonas.audit_name, {"role": "developer"}, {})]

    def test_whoever_it_happens_to_is_told(self, adas, jonas, demo):
        adas.post(removal_page(jonas, demo))
        [(to, subject, body)] = mails()
        assert (to, subject) == ("jonas@example.com", "You were removed from Demo")
        assert "You were removed by ada@example.com." in body

    def test_the_clients_go_to_another_member(self, adas, ada, dan, jonas, jonases, demo):
        response = adas.post(removal_page(jonas, demo), {"heir": membership_of(dan, demo).pk}, follow=True)
        assert "jonas@example.com was removed. dan@example.com is the contact of 12 clients now." in text_of(response)
        assert set(jonases.values_list("contact", flat=True)) == {"dan@example.com"}
        assert Client.objects.get(name="another").contact == "payments team, jonas@example.com"
        changed = events("client.changed", workspace=demo)
        assert len(changed) == 12
        assert changed[0][1:] == (ada.audit_name, jonases.order_by("pk")[0].client_id, {"contact": "Jonas@Example.com"}, {"contact": "dan@example.com"})

    @pytest.mark.usefixtures("jonases")
    def test_the_one_who_removes_is_proposed(self, adas, ada, jonas, demo):
        assert f'<option value="{membership_of(ada, demo).pk}" selected>' in adas.get(removal_page(jonas, demo)).content.decode()

    @pytest.mark.parametrize("case", ["nobody", "themselves", "viewer", "other workspace", "text", "huge"])
    @pytest.mark.usefixtures("jonases")
    def test_clients_need_somebody_able(self, adas, ben, jonas, demo, eve, other, case):
        heirs = {
            "nobody": "",
            "themselves": membership_of(jonas, demo).pk,
            "viewer": membership_of(ben, demo).pk,
            "other workspace": membership_of(eve, other).pk,
            "text": "\0😀",
            "huge": "9" * 5000,
        }
        response = adas.post(removal_page(jonas, demo), {"heir": heirs[case]})
        assert response.status_code == 200
        assert "Nobody was removed." in text_of(response)
        assert role_of(jonas, demo) == "developer"
        assert not Client.objects.exclude(contact__icontains="jonas").exists()

    def test_clients_of_another_workspace_stay_as_they_are(self, adas, jonas, demo, other):
        factories.create_client(other, name="theirs", contact=jonas.email)
        adas.post(removal_page(jonas, demo))
        assert Client.objects.get(name="theirs").contact == jonas.email

    def test_an_admin_removes_no_owner(self, dans, ada, demo):
        assert dans.get(removal_page(ada, demo)).status_code == 403
        assert dans.post(removal_page(ada, demo)).status_code == 403
        assert role_of(ada, demo) == "owner"

    def test_a_viewer_removes_nobody(self, bens, jonas, demo):
        assert bens.post(removal_page(jonas, demo)).status_code == 403
        assert role_of(jonas, demo) == "developer"

    def test_people_of_another_workspace_are_not_there(self, adas, eves, ada, eve, demo, other):
        for browser, page in (
            (eves, removal_page(ada, demo)),
            (eves, f"/w/other/members/{membership_of(ada, demo).pk}/remove/"),
            (adas, f"/w/demo/members/{membership_of(eve, other).pk}/remove/"),
            (adas, f"/w/demo/members/{2**63}/remove/"),
        ):
            assert browser.get(page).status_code == 404
            assert browser.post(page).status_code == 404
        assert (role_of(ada, demo), role_of(eve, other)) == ("owner", "owner")

    def test_it_takes_a_recent_sign_in(self, adas, jonas, demo):
        session = adas.session
        session["account_authentication_methods"][-1]["at"] -= 3600
        session.save()
        assert adas.post(removal_page(jonas, demo))["Location"].startswith("/accounts/confirm/?next=")
        assert role_of(jonas, demo) == "developer"

    def test_a_second_click_finds_nobody(self, adas, jonas, demo):
        page = removal_page(jonas, demo)
        adas.post(page)
        assert adas.post(page).status_code == 404

    def test_removing_oneself_is_leaving(self, dans, dan, demo):
        assert dans.get(removal_page(dan, demo))["Location"] == LEAVE


class TestLeaving:
    def test_any_member_may(self, bens, ben, demo):
        assert "Leave Demo?" in text_of(bens.get(LEAVE))
        response = bens.post(LEAVE, follow=True)
        assert "You left Demo." in text_of(response)
        assert role_of(ben, demo) is None
        assert events("member.", workspace=demo) == [("member.left", ben.audit_name, ben.audit_name, {"role": "viewer"}, {})]
        assert mails() == []
        assert bens.get("/w/demo/members/").status_code == 404

    def test_the_last_owner_stays(self, adas, ada, demo):
        page = adas.get(LEAVE)
        assert "You are the only owner. Make someone else an owner first." in text_of(page)
        assert "btn danger" not in page.content.decode()
        assert "Make someone else an owner first." in text_of(adas.post(LEAVE))
        assert role_of(ada, demo) == "owner"

    def test_with_a_second_owner_one_may(self, adas, ada, dan, demo):
        membership = membership_of(dan, demo)
        membership.role = Role.OWNER
        membership.save()
        assert "You left Demo." in text_of(adas.post(LEAVE, follow=True))
        assert role_of(ada, demo) is None

    def test_ones_clients_are_handed_over(self, jonas, jonases, demo, dan):
        browser = sign_in(jonas)
        assert "12 clients name you as the contact" in text_of(browser.get(LEAVE))
        assert "Choose the new contact for the clients." in text_of(browser.post(LEAVE, {"heir": ""}))
        assert role_of(jonas, demo) == "developer"
        browser.post(LEAVE, {"heir": membership_of(dan, demo).pk})
        assert role_of(jonas, demo) is None
        assert set(jonases.values_list("contact", flat=True)) == {"dan@example.com"}

    @pytest.mark.usefixtures("demo")
    def test_a_stranger_finds_nothing_to_leave(self, eves):
        assert eves.post(LEAVE).status_code == 404


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
