"""Roles follow the groups at the provider, at each sign-in; what people made by hand stays."""

import pytest
from allauth.socialaccount.models import SocialAccount
from django.core import mail as outbox

from dashboard.instance import mail
from dashboard.models import Membership, User
from tests import factories
from tests.dashboard.sso.conftest import come, events, heading, user_of

pytestmark = pytest.mark.django_db


def roles(email="grace@example.com"):
    return {membership.workspace.slug: membership.role for membership in Membership.objects.filter(user__email=email).select_related("workspace")}


def grace(browser, okta, *groups, **claims):
    browser.cookies.clear()
    return come(browser, okta, sub="00u2", email="grace@example.com", groups=list(groups), **claims)


@pytest.mark.parametrize("order", [1, -1])
def test_the_highest_of_several_roles_counts(browser, okta, demo, other, settings, order):
    settings.SSO_ROLES = settings.SSO_ROLES[::order]
    grace(browser, okta, "devs", "platform", "everybody")
    assert roles() == {"demo": "admin", "other": "viewer"}


def test_roles_are_raised_and_lowered_also_one_that_was_changed_by_hand(browser, okta, demo, other):
    grace(browser, okta, "devs")
    grace(browser, okta, "devs", "platform")
    assert roles() == {"demo": "admin", "other": "viewer"}
    Membership.objects.filter(user__email="grace@example.com", workspace=demo).update(role="owner")
    grace(browser, okta, "devs")
    assert roles() == {"demo": "developer"}
    raised, lowered = events("member.role_changed")
    assert (raised.before, raised.after) == ({"role": "developer"}, {"role": "admin"})
    assert (lowered.before, lowered.after) == ({"role": "owner"}, {"role": "developer"})
    [removed] = events("member.removed")
    assert (removed.workspace, removed.before) == (other, {"role": "viewer"})
    assert {event.actor for event in (raised, lowered, removed)} == {f"sso:{okta.issuer}"}


def test_somebody_who_is_in_no_group_any_more_is_out_at_the_next_sign_in_with_the_session_from_before(browser, okta, demo, second_browser):
    grace(browser, okta, "devs")
    assert browser.get("/w/demo/members/").status_code == 200
    response = come(second_browser, okta, groups=[])
    assert (response.status_code, heading(response)) == (403, "You have no workspace here yet")
    assert user_of(second_browser) is None
    assert roles() == {}
    assert browser.get("/w/demo/members/").status_code == 404
    assert User.objects.filter(email="grace@example.com").exists()
    assert come(second_browser, okta, groups=["devs"]).status_code == 302


def test_a_membership_made_by_hand_stays_as_it_is_whether_a_group_names_it_or_none(browser, okta, demo, ben):
    SocialAccount.objects.create(user=ben, provider=okta.issuer, uid="00u2")
    for groups in (["platform"], []):
        grace(browser, okta, *groups)
        membership = Membership.objects.get(user=ben, workspace=demo)
        assert (membership.role, membership.came_by_sso) == ("viewer", False)
    assert user_of(browser) == ben.pk
    assert factories.TESTS.name in {event.actor for event in events("member.added")}


@pytest.mark.long
@pytest.mark.parametrize("groups", [["devs"], []])
def test_the_last_owner_stays_one(browser, okta, demo, ada, groups):
    grace(browser, okta, "bosses")
    Membership.objects.filter(user=ada).delete()
    grace(browser, okta, *groups)
    assert roles() == {"demo": "owner"}
    assert user_of(browser) is not None
    assert not events("member.removed", "member.role_changed")


def test_a_workspace_that_is_about_to_be_deleted_or_not_there_takes_nobody(browser, okta, demo, other, now, settings):
    settings.SSO_ROLES = [("platform", "nowhere", "owner"), *settings.SSO_ROLES]
    demo.deletes_at = now
    demo.save()
    grace(browser, okta, "platform")
    assert roles() == {"other": "viewer"}


@pytest.mark.parametrize("groups", [None, "devs-not", 7, {"devs": 1}, [["devs"]], [None, 7, {}], "DEVS", " devs"])
def test_what_is_not_exactly_a_group_gives_no_role(browser, okta, demo, groups):
    assert come(browser, okta, sub="00u2", email="grace@example.com", groups=groups).status_code == 403
    assert roles() == {}


@pytest.mark.long
def test_a_single_group_may_come_as_text_thousands_in_userinfo_and_the_claim_have_another_name(browser, okta, demo, settings):
    known = {"sub": "00u2", "email": "grace@example.com"}
    come(browser, okta, **known, groups="devs")
    assert roles() == {"demo": "developer"}
    okta.userinfo = {"groups": [f"group-{number}" for number in range(4000)] + ["platform"]}
    come(browser, okta, **known, groups=None)
    assert roles() == {"demo": "admin"}
    settings.SSO_GROUPS_CLAIM = "https://acme.example/groups"
    come(browser, okta, **known, groups=["bosses"], **{"https://acme.example/groups": ["devs"]})
    assert roles() == {"demo": "developer"}


@pytest.mark.parametrize("claims", [{"_claim_names": {"groups": "src1"}}, {"hasgroups": True}])
def test_missing_groups_because_of_too_many_do_not_end_memberships(browser, okta, demo, claims, caplog):
    """Microsoft Entra ID omits groups if there are more than 200."""
    grace(browser, okta, "devs")
    okta.claims["groups"] = None
    response = come(browser, okta, **claims)
    assert response.status_code == 502
    assert roles() == {"demo": "developer"}
    assert "more groups than fit" in caplog.text


def test_groups_never_make_an_administrator_of_the_instance_who_needs_no_group(browser, okta, demo, olga):
    grace(browser, okta, "bosses", is_staff=True, is_superuser=True)
    user = User.objects.get(email="grace@example.com")
    assert (user.is_staff, user.is_superuser) == (False, False)
    SocialAccount.objects.update(user=olga)
    grace(browser, okta)
    assert user_of(browser) == olga.pk


@pytest.mark.parametrize("groups", [("heads",), ("devs", "heads")])
def test_the_other_owners_hear_once_of_an_owner_whom_a_group_makes_one(browser, okta, demo, ada, settings, groups):
    settings.SSO_ROLES = [*settings.SSO_ROLES, ("heads", "demo", "owner")]
    if len(groups) > 1:
        grace(browser, okta, groups[0])
    for _ in range(2):
        grace(browser, okta, *groups)
    mail.wait_until_sent()
    [told] = [message for message in outbox.outbox if message.subject == "A new owner: Demo"]
    assert told.to == [ada.email]
    assert "by a group at the OpenID provider." in told.body
