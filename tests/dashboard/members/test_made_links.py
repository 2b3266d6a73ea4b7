"""Invitations and hand-over links of people who were removed or demoted, or whose account is off: none of them works any more."""

from datetime import timedelta

import pytest
from django.utils import timezone

from clients.models import ClientSecret, HandOver
from clients.services import hand_overs
from clients.services.audit import Actor
from dashboard.models import Invitation, Membership, User
from dashboard.people import memberships
from tests import factories
from tests.dashboard.conftest import Browser, text_of
from tests.dashboard.members.conftest import Role, events, invitation_link, link_to, membership_of, role_of
from tests.kept_rows import kept
from tests.public_keys import pem

JOIN, TAKE = "/accounts/invite/", "/accounts/hand-over/"
ACCOUNT = {"name": "Jonas Weber", "password": "four-words-in-a-row"}


@pytest.fixture
def client(demo):
    return kept(lambda: factories.create_client(demo, auth_methods=["client_secret_basic", "private_key_jwt"]).secret.client)


@pytest.fixture
def invited(dan, demo):
    """Dan, an admin, invited another of his own addresses."""
    return kept(lambda: invitation_link(membership_of(dan, demo), "jonas@example.com", Role.ADMIN))


@pytest.fixture
def handed(dan, client):
    """The path of a hand-over link that Dan made."""
    return f"{TAKE}{make_link(client, dan).plaintext}/"


def make_link(client, user, *, recipient="jonas@example.com"):
    lifetime = {"lifetime": timedelta(days=7), "secret_lifetime": None}
    return hand_overs.create_hand_over(client=client, recipient=recipient, **lifetime, actor=Actor(user.audit_name), now=timezone.now())


def page_of(user, workspace, what):
    return f"/w/{workspace.slug}/members/{membership_of(user, workspace).pk}/{what}/"


def remove(browser, user, workspace, *, follow=False):
    return browser.post(page_of(user, workspace, "remove"), follow=follow)


def change_role(browser, user, workspace, role):
    return browser.post(page_of(user, workspace, "role"), {"role": role}, follow=True)


def lose(case, user, workspace):
    """Removes the right without the services, as in an older database, so that nothing is withdrawn."""
    found = Membership.objects.filter(user=user, workspace=workspace)
    if case == "removed":
        found.delete()
    elif case == "switched off":
        User.objects.filter(pk=user.pk).update(is_active=False)
    else:
        found.update(role=case)


CASES = ["removed", "switched off", "viewer"]


class TestAtUse:
    @pytest.mark.parametrize("case", [*CASES, "developer"])
    def test_an_invitation_leads_nowhere_also_one_whose_page_is_open(self, browser, dan, demo, invited, case):
        browser.get(invited)
        lose(case, dan, demo)
        assert browser.post(JOIN, {"invitation": Invitation.objects.get().pk, **ACCOUNT}).status_code == 404
        assert not User.objects.filter(email="jonas@example.com").exists()
        response = browser.get(invited, follow=True)
        assert response.status_code == 404
        text = text_of(response)
        assert "This invitation isn’t valid" in text
        assert "The person who invited you may have left the workspace." in text
        assert "Demo" not in text

    def test_nor_for_somebody_who_has_an_account(self, eves, eve, dan, demo):
        link = invitation_link(membership_of(dan, demo), eve.email)
        eves.get(link)
        lose("removed", dan, demo)
        assert eves.post(JOIN, {"invitation": Invitation.objects.get().pk}).status_code == 404
        assert role_of(eve, demo) is None

    def test_one_that_somebody_else_sends_again_works_by_its_new_link(self, adas, browser, dan, demo, invited):
        lose("removed", dan, demo)
        adas.post(f"/w/demo/members/invitations/{Invitation.objects.get().pk}/send-again/")
        assert Invitation.objects.get().invited_by.email == "ada@example.com"
        assert browser.get(invited, follow=True).status_code == 404
        assert "Join Demo" in text_of(browser.get(link_to("jonas@example.com"), follow=True))

    def test_an_owner_who_is_an_admin_now_makes_no_owners(self, browser, dan, demo):
        Membership.objects.filter(user=dan).update(role=Role.OWNER)
        as_owner = invitation_link(membership_of(dan, demo), "olivia@example.com", Role.OWNER)
        as_admin = invitation_link(membership_of(dan, demo), "jonas@example.com", Role.ADMIN)
        lose("admin", dan, demo)
        assert browser.get(as_owner, follow=True).status_code == 404
        assert "as an admin" in text_of(browser.get(as_admin, follow=True))

    @pytest.mark.parametrize("case", CASES)
    def test_a_hand_over_link_leads_nowhere_and_one_whose_page_is_open_gives_nothing(self, browser, dan, client, demo, handed, case):
        lose("developer", dan, demo)
        assert "Take over billing-sync" in text_of(browser.get(handed, follow=True))
        HandOver.objects.update(opened_at=None)
        lose(case, dan, demo)
        for act in ("secret", "key"):
            response = browser.post(TAKE, {"link": HandOver.objects.get().pk, "act": act, "public_key": pem()})
            assert response.status_code == 404
        assert ClientSecret.objects.count() == 1
        assert not client.public_keys.exists()
        response = browser.get(handed, follow=True)
        assert response.status_code == 404
        assert "The person who made it may have left the workspace." in text_of(response)
        assert (HandOver.objects.get().opened_at, HandOver.objects.get().used_at) == (None, None)


@pytest.mark.parametrize("use", [hand_overs.use_for_secret, hand_overs.use_for_public_key])
def test_the_service_asks_again_under_its_lock(dan, client, use):
    """Between the page's check and the service's."""
    found = make_link(client, dan).hand_over
    parsed = {} if use is hand_overs.use_for_secret else {"parsed": None}
    with pytest.raises(HandOver.DoesNotExist):
        use(hand_over=found, **parsed, is_allowed=lambda _: False, actor=factories.TESTS, now=timezone.now())
    assert ClientSecret.objects.count() == 1


@pytest.mark.usefixtures("invited", "handed", "more")
class TestWithdrawing:
    @pytest.fixture
    def more(self, dan, demo, client):
        """Two invitations and two hand-over links of Dan's, and also a used one and an expired one."""
        invitation_link(membership_of(dan, demo), "ife@example.com", Role.VIEWER)
        make_link(client, dan, recipient="")
        hand_overs.use_for_secret(hand_over=make_link(client, dan).hand_over, is_allowed=bool, actor=factories.TESTS, now=timezone.now())
        invitation_link(membership_of(dan, demo), "late@example.com", now=timezone.now() - timedelta(days=8))

    @pytest.mark.long
    def test_removing_withdraws_them_says_so_before_and_after_and_in_the_audit_log_with_the_reason(self, adas, ada, dan, client, demo, invited, handed):
        assert "2 invitations and 2 hand-over links made by or for dan@example.com stop working" in text_of(adas.get(page_of(dan, demo, "remove")))
        assert "dan@example.com was removed. Withdrawn: 2 invitations and 2 hand-over links." in text_of(remove(adas, dan, demo, follow=True))
        assert Invitation.objects.filter(withdrawn_at=None).values_list("email", flat=True).get() == "late@example.com"
        assert HandOver.objects.filter(withdrawn_at=None).get().used_at is not None
        reason = {"reason": "dan@example.com was removed."}
        assert events("invitation.withdrawn", workspace=demo) == [
            ("invitation.withdrawn", ada.audit_name, "jonas@example.com", {"role": "admin"}, reason),
            ("invitation.withdrawn", ada.audit_name, "ife@example.com", {"role": "viewer"}, reason),
        ]
        withdrawn = events("hand_over.withdrawn", workspace=demo)
        assert [(actor, target, after["reason"]) for _, actor, target, _, after in withdrawn] == [(ada.audit_name, client.client_id, *reason.values())] * 2
        assert "dan@example.com was removed." in text_of(adas.get("/w/demo/audit/"))
        # Coming back brings none back.
        factories.add_member(demo, dan, Role.ADMIN)
        for link in (invited, handed):
            assert Browser(raise_request_exception=False).get(link, follow=True).status_code == 404

    def test_links_of_others_and_in_other_workspaces_stay(self, adas, ada, dan, client, demo, other):
        factories.add_member(other, dan, Role.ADMIN)
        elsewhere = factories.create_client(other).secret.client
        make_link(elsewhere, dan)
        make_link(client, ada)
        invitation_link(membership_of(dan, other), "x@example.com")
        invitation_link(membership_of(ada, demo), "y@example.com")
        remove(adas, dan, demo)
        assert sorted(Invitation.objects.open(timezone.now()).values_list("email", flat=True)) == ["x@example.com", "y@example.com"]
        assert HandOver.objects.open(timezone.now()).count() == 2

    def test_leaving_withdraws_them_too(self, dans):
        leave = "/w/demo/members/leave/"
        assert "2 invitations and 2 hand-over links made by or for you stop working" in text_of(dans.get(leave))
        assert "You left Demo. Withdrawn: 2 invitations and 2 hand-over links." in text_of(dans.post(leave, follow=True))

    def test_a_developer_keeps_the_hand_overs_a_viewer_nothing_and_an_owner_all_as_the_page_says(self, adas, dan, demo):
        text = text_of(adas.get(page_of(dan, demo, "role")))
        assert "Withdraws: 2 invitations and 2 hand-over links made by dan@example.com" in text
        assert "Withdraws: 2 invitations made by dan@example.com" in text
        assert text.count("Withdraws:") == 2
        assert "Withdrawn" not in text_of(change_role(adas, dan, demo, "owner"))
        assert Invitation.objects.open(timezone.now()).count() == HandOver.objects.open(timezone.now()).count() == 2
        assert "dan@example.com is a developer now. Withdrawn: 2 invitations." in text_of(change_role(adas, dan, demo, "developer"))
        assert HandOver.objects.open(timezone.now()).count() == 2
        assert not Invitation.objects.open(timezone.now()).exists()
        assert events("invitation.withdrawn")[0][4] == {"reason": "dan@example.com is a developer now."}
        assert "dan@example.com is a viewer now. Withdrawn: 2 hand-over links." in text_of(change_role(adas, dan, demo, "viewer"))
        assert not HandOver.objects.open(timezone.now()).exists()

    def test_they_stay_where_the_removal_fails(self, adas, dan, demo):
        """The person is a client's contact, so a new contact is needed; without one nothing is done."""
        factories.create_client(demo, contact=dan.email)
        assert adas.post(page_of(dan, demo, "remove")).status_code == 200
        assert Invitation.objects.open(timezone.now()).count() == 2


@pytest.mark.usefixtures("invited")
def test_a_single_link_is_said_as_one_and_a_role_that_came_by_single_sign_on_comes_back_by_it(adas, dan, demo, settings):
    settings.SSO_ISSUER, settings.SSO_NAME = "https://login.example.com", "Acme ID"
    text = text_of(adas.get(page_of(dan, demo, "remove")))
    assert "1 invitation made by or for dan@example.com stops working" in text
    assert "It is withdrawn." in text
    assert "Acme ID" not in text
    Membership.objects.filter(user=dan).update(came_by_sso=True)
    assert "dan@example.com can come back by signing in with Acme ID" in text_of(adas.get(page_of(dan, demo, "remove")))
    assert "The next sign-in there restores the group’s role." in text_of(adas.get(page_of(dan, demo, "role")))


@pytest.mark.usefixtures("invited", "handed")
def test_a_role_that_the_provider_takes_away_takes_the_links_with_it(dan, demo):
    memberships.remove_member(membership=membership_of(dan, demo), by=None, actor=factories.TESTS, now=timezone.now())
    assert not Invitation.objects.open(timezone.now()).exists()
    assert not HandOver.objects.open(timezone.now()).exists()


class TestMadeForThem:
    """Made by somebody who stays."""

    @pytest.fixture
    def early(self, ada, dan, demo):
        """An unused invitation of Dan's address: he became a member in another way."""
        Membership.objects.filter(user=dan).delete()
        link = invitation_link(membership_of(ada, demo), dan.email, Role.OWNER)
        factories.add_member(demo, dan, Role.ADMIN)
        return link

    def test_another_role_leaves_them_and_neither_is_of_use_to_who_was_removed(self, adas, dans, browser, ada, dan, client, demo, early):
        link = make_link(client, ada, recipient="Dan@Example.com").plaintext
        make_link(client, ada, recipient="dan@example.com, or the one who follows")
        assert "Withdrawn" not in text_of(change_role(adas, dan, demo, "viewer"))
        assert Invitation.objects.open(timezone.now()).count() == 1
        assert HandOver.objects.open(timezone.now()).count() == 2
        stops = "1 invitation and 1 hand-over link made by or for dan@example.com stop working"
        assert stops in text_of(adas.get(page_of(dan, demo, "remove")))
        assert "Withdrawn: 1 invitation and 1 hand-over link." in text_of(remove(adas, dan, demo, follow=True))
        assert dans.get(early, follow=True).status_code == 404
        assert dans.post(JOIN, {"invitation": Invitation.objects.get().pk}).status_code == 404
        assert role_of(dan, demo) is None
        assert browser.get(f"{TAKE}{link}/", follow=True).status_code == 404
