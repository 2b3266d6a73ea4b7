"""Changing somebody's role: who may, from what to what, and that an owner always remains."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core.exceptions import ValidationError
from django.db import connections
from django.utils import timezone

from dashboard.models import Membership, User
from dashboard.people import memberships, quotas
from dashboard.people.permissions import NotAllowedError
from tests import factories
from tests.dashboard.accounts.conftest import age_confirmation
from tests.dashboard.conftest import asked_by, join, sign_in, text_of
from tests.dashboard.members.conftest import Role, events, mails, membership_of, role_of


def role_page(user, workspace):
    return f"/w/{workspace.slug}/members/{membership_of(user, workspace).pk}/role/"


def change(browser, user, workspace, role, *, follow=False):
    return browser.post(role_page(user, workspace), {"role": role}, follow=follow)


@pytest.fixture
def olivia(demo):
    """The second owner of demo."""
    return join(demo, "olivia@example.com", Role.OWNER)


def test_the_page_says_what_one_gains_and_loses(adas, dan, demo):
    text = text_of(adas.get(role_page(dan, demo)))
    assert "dan@example.com is an admin." in text
    assert "Admin Now Nothing changes" in text
    assert "Owner Gains: add and remove owners; change how long things are kept; delete this workspace" in text
    assert "Viewer Loses: create and edit clients" in text


@pytest.mark.long
def test_an_owner_gives_every_role(adas, ada, dan, demo):
    before = "admin"
    for role in ("admin", "viewer", "developer", "owner"):
        response = change(adas, dan, demo, role, follow=True)
        article = "an" if role in ("admin", "owner") else "a"
        assert f"dan@example.com is {article} {role}{', as before' if role == before else ' now'}." in text_of(response)
        assert role_of(dan, demo) == role
        if role != before:
            assert events("member.role_changed", workspace=demo)[-1] == (
                "member.role_changed", ada.audit_name, dan.audit_name, {"role": before}, {"role": role}
            )  # fmt: skip
        before = role
    assert len(events("member.role_changed", workspace=demo)) == 3


def test_it_holds_from_the_next_click_on_and_whoever_it_happens_to_is_told(adas, bens, ben, demo):
    assert bens.get("/w/demo/members/invite/").status_code == 403
    change(adas, ben, demo, "admin")
    assert bens.get("/w/demo/members/invite/").status_code == 200
    change(adas, ben, demo, "viewer")
    assert bens.get("/w/demo/members/invite/").status_code == 403
    (to, subject, body), _ = mails()
    assert (to, subject) == ("ben@example.com", "You are now an admin in Demo")
    assert "Your role in Demo was changed from viewer to admin by ada@example.com." in body


@pytest.mark.parametrize("role", ["owner", "root", "", "admin\0", "😀", "x" * 100_000])
def test_an_admin_gives_no_role_above_that(dans, ben, demo, role):
    response = change(dans, ben, demo, role)
    assert "Nothing was changed." in text_of(response)
    assert "Choose a role." in text_of(response)
    assert "<title>Error: Change role of ben@example.com · Demo" in response.content.decode()
    assert role_of(ben, demo) == "viewer"


def test_nobody_raises_themselves_and_whoever_steps_down_goes_on_as_that(dans, dan, demo):
    change(dans, dan, demo, "owner")
    assert role_of(dan, demo) == "admin"
    text = text_of(dans.get(role_page(dan, demo)))
    assert "Change your role" in text
    assert "Owner" not in text.split("Role")[1]
    assert "dan@example.com is a viewer now." in text_of(change(dans, dan, demo, "viewer", follow=True))
    assert mails() == []
    assert dans.get("/w/demo/members/invite/").status_code == 403


def test_an_admin_touches_no_owner_and_a_viewer_changes_nothing(dans, bens, ada, ben, demo):
    for browser, user in ((dans, ada), (bens, ada), (bens, ben)):
        assert browser.get(role_page(user, demo)).status_code == 403
        assert change(browser, user, demo, "viewer" if user == ada else "owner").status_code == 403
    assert (role_of(ada, demo), role_of(ben, demo)) == ("owner", "viewer")


def test_people_of_another_workspace_are_not_found(adas, eves, ada, eve, demo, other):
    """Neither by the other workspace's page nor by their own."""
    for browser, page in (
        (eves, role_page(ada, demo)),
        (eves, f"/w/other/members/{membership_of(ada, demo).pk}/role/"),
        (adas, f"/w/demo/members/{membership_of(eve, other).pk}/role/"),
        (adas, "/w/demo/members/0/role/"),
        (adas, f"/w/demo/members/{2**63}/role/"),
        (adas, f"/w/demo/members/{'9' * 5000}/role/"),
    ):
        assert browser.get(page).status_code == 404
        assert browser.post(page, {"role": "viewer"}).status_code == 404
    assert (role_of(ada, demo), role_of(eve, other)) == ("owner", "owner")


def test_the_last_owner_who_can_sign_in_stays_one(adas, ada, olivia, demo):
    User.objects.filter(pk=olivia.pk).update(is_active=False)
    assert "Make someone else an owner first." in text_of(adas.get(role_page(ada, demo)))
    assert "Make someone else an owner first." in text_of(change(adas, ada, demo, "viewer"))
    assert role_of(ada, demo) == "owner"
    assert events("member.role_changed") == []
    User.objects.filter(pk=olivia.pk).update(is_active=True)
    change(adas, ada, demo, "viewer")
    assert (role_of(ada, demo), role_of(olivia, demo)) == ("viewer", "owner")


def test_it_takes_a_recent_sign_in_after_which_it_is_done(adas, ben, demo):
    age_confirmation(adas)
    assert adas.get(role_page(ben, demo)).status_code == 200
    response = adas.post(role_page(ben, demo), {"role": "admin"})
    assert asked_by(response)["next"] == role_page(ben, demo)
    assert role_of(ben, demo) == "viewer"
    adas.post(response["Location"], {"password": factories.PASSWORD, "next": role_page(ben, demo)})
    assert role_of(ben, demo) == "admin"


def act(membership, role, by):
    return memberships.change_role(membership=membership, role=role, by=by, actor=factories.TESTS, now=timezone.now())


def test_services_refuse_what_is_no_role_above_ones_own_and_who_lost_the_right_a_moment_ago(ada, dan, ben, demo):
    """Between the page's and the service's check of the role."""
    dans_was, bens = membership_of(dan, demo), membership_of(ben, demo)
    with pytest.raises(ValidationError, match="Choose viewer, developer, admin or owner"):
        act(bens, "root", membership_of(ada, demo))
    with pytest.raises(NotAllowedError, match="add and remove owners"):
        act(bens, "owner", dans_was)
    act(dans_was, "viewer", membership_of(ada, demo))
    with pytest.raises(NotAllowedError):
        act(bens, "admin", dans_was)
    Membership.objects.filter(user=dan).delete()
    with pytest.raises(Membership.DoesNotExist):
        act(bens, "admin", dans_was)
    assert role_of(ben, demo) == "viewer"


def test_the_instance_itself_is_bound_by_the_last_owner_only(ada, ben, demo):
    assert act(membership_of(ben, demo), "owner", None).membership.role == "owner"
    assert act(membership_of(ada, demo), "viewer", None).membership.role == "viewer"
    with pytest.raises(ValidationError, match="Make someone else an owner first"):
        act(membership_of(ben, demo), "viewer", None)


def together(*calls):
    """Run all at once; what each returned or raised."""
    barrier = Barrier(len(calls))

    def run(call):
        barrier.wait()
        try:
            return call()
        except (ValidationError, NotAllowedError, Membership.DoesNotExist) as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def owners_of(workspace):
    return Membership.objects.filter(workspace=workspace, role=Role.OWNER).count()


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    @pytest.fixture
    def pair(self, ada, olivia, demo):
        return membership_of(ada, demo), membership_of(olivia, demo)

    @pytest.mark.parametrize("_time", range(5))
    def test_two_owners_who_demote_each_other_step_down_or_leave_leave_one(self, pair, demo, _time):
        first, second = pair

        def leave(membership):
            return memberships.remove_member(membership=membership, by=membership, actor=factories.TESTS, now=timezone.now())

        together(lambda: act(second, "viewer", first), lambda: act(first, "viewer", second))
        assert owners_of(demo) == 1
        Membership.objects.filter(pk__in=(first.pk, second.pk)).update(role=Role.OWNER)
        outcomes = together(lambda: act(first, "viewer", first), lambda: act(second, "viewer", second))
        assert owners_of(demo) == 1
        assert sum(isinstance(outcome, ValidationError) for outcome in outcomes) == 1
        Membership.objects.filter(pk__in=(first.pk, second.pk)).update(role=Role.OWNER)
        together(lambda: leave(first), lambda: leave(second))
        assert owners_of(demo) == 1

    def test_over_http_as_well(self, ada, olivia, demo):
        browsers = {ada: sign_in(ada), olivia: sign_in(olivia)}
        pages = {ada: role_page(olivia, demo), olivia: role_page(ada, demo)}
        statuses = together(*[lambda user=user: browsers[user].post(pages[user], {"role": "viewer"}).status_code for user in browsers])
        assert owners_of(demo) == 1
        assert sorted(statuses) in ([302, 403], [302, 302])


def test_one_person_changes_another_s_role_few_times_in_an_hour_which_keeps_nobody_else_from_it(adas, dans, ben, dan, demo, monkeypatch):
    """Each is a mail to them."""
    monkeypatch.setattr(quotas, "MAX_ROLES_OF_ONE", 2)
    for role in ("developer", "viewer"):
        assert change(dans, ben, demo, role).status_code == 302
    refused = change(dans, ben, demo, "developer")
    assert (refused.status_code, int(refused["Retry-After"]) > 3500) == (429, True)
    assert "Too many changes to this role. Wait 60 min and try again." in text_of(refused)
    assert role_of(ben, demo) == "viewer"
    assert len(mails()) == 2
    assert change(adas, ben, demo, "developer").status_code == 302
    assert change(dans, dan, demo, "viewer").status_code == 302
    assert (role_of(ben, demo), role_of(dan, demo)) == ("developer", "viewer")
