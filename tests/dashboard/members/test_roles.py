"""Changing somebody's role: who may, from what to what, and that an owner always remains."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core.exceptions import ValidationError
from django.db import connections
from django.utils import timezone

from dashboard.models import Membership
from dashboard.people import memberships, quotas
from dashboard.people.permissions import NotAllowedError
from tests import factories
from tests.dashboard.conftest import asked_by, sign_in, text_of
from tests.dashboard.members.conftest import Role, events, mails, membership_of, role_of


def role_page(user, workspace):
    return f"/w/{workspace.slug}/members/{membership_of(user, workspace).pk}/role/"


def change(browser, user, workspace, role):
    return browser.post(role_page(user, workspace), {"role": role}, follow=True)


def forget_proof(browser):
    """As if one had signed in an hour ago."""
    session = browser.session
    session["account_authentication_methods"][-1]["at"] -= 3600
    session.save()


@pytest.fixture
def olivia(demo):
    """The second owner of demo."""
    user = factories.create_user("olivia@example.com")
    factories.add_member(demo, user, Role.OWNER)
    return user


def test_the_page_says_what_one_gains_and_loses(adas, dan, demo):
    text = text_of(adas.get(role_page(dan, demo)))
    assert "dan@example.com is an admin." in text
    assert "Admin Now Nothing changes" in text
    assert "Owner Gains: make and unmake owners; change how long things are kept; delete this workspace" in text
    assert "Viewer Loses: create and edit clients" in text


@pytest.mark.parametrize("role", ["viewer", "developer", "admin", "owner"])
def test_an_owner_gives_every_role(adas, ada, dan, demo, role):
    response = change(adas, dan, demo, role)
    article = "an" if role in ("admin", "owner") else "a"
    assert f"dan@example.com is {article} {role}{', as before' if role == 'admin' else ' now'}." in text_of(response)
    assert role_of(dan, demo) == role
    expected = [] if role == "admin" else [("member.role_changed", ada.audit_name, dan.audit_name, {"role": "admin"}, {"role": role})]
    assert events("member.role_changed", workspace=demo) == expected


def test_whoever_it_happens_to_is_told(adas, ben, demo):
    change(adas, ben, demo, "developer")
    [(to, subject, body)] = mails()
    assert (to, subject) == ("ben@example.com", "You are a developer now: Demo")
    assert "Your role in Demo was changed from viewer to developer by ada@example.com." in body


def test_it_holds_from_the_next_click_on(adas, bens, ben, demo):
    assert bens.get("/w/demo/members/invite/").status_code == 403
    change(adas, ben, demo, "admin")
    assert bens.get("/w/demo/members/invite/").status_code == 200
    change(adas, ben, demo, "viewer")
    assert bens.get("/w/demo/members/invite/").status_code == 403


@pytest.mark.parametrize("role", ["owner", "root", "", "admin\0", "😀", "x" * 100_000])
def test_an_admin_gives_no_role_above_that(dans, ben, demo, role):
    response = change(dans, ben, demo, role)
    assert "Nothing was changed." in text_of(response)
    assert "Choose a role." in text_of(response)
    assert "<title>Error: Change role of ben@example.com · Demo" in response.content.decode()
    assert role_of(ben, demo) == "viewer"


def test_nobody_raises_themselves(dans, dan, demo):
    change(dans, dan, demo, "owner")
    assert role_of(dan, demo) == "admin"
    assert "Owner" not in text_of(dans.get(role_page(dan, demo))).split("Role")[1]


def test_whoever_steps_down_goes_on_as_that(dans, dan, demo):
    assert "Change your role" in text_of(dans.get(role_page(dan, demo)))
    assert "dan@example.com is a viewer now." in text_of(change(dans, dan, demo, "viewer"))
    assert mails() == []
    assert dans.get("/w/demo/members/invite/").status_code == 403


def test_an_admin_touches_no_owner(dans, ada, demo):
    assert dans.get(role_page(ada, demo)).status_code == 403
    assert change(dans, ada, demo, "viewer").status_code == 403
    assert role_of(ada, demo) == "owner"


def test_a_viewer_changes_nothing(bens, ada, ben, demo):
    for user in (ada, ben):
        assert bens.get(role_page(user, demo)).status_code == 403
        assert change(bens, user, demo, "owner").status_code == 403
    assert (role_of(ada, demo), role_of(ben, demo)) == ("owner", "viewer")


def test_people_of_another_workspace_are_not_there(adas, eves, ada, eve, demo, other):
    """Neither by the other's page nor through one's own."""
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


def test_the_last_owner_stays_one(adas, ada, demo):
    assert "Make someone else an owner first." in text_of(adas.get(role_page(ada, demo)))
    response = change(adas, ada, demo, "viewer")
    assert "Make someone else an owner first." in text_of(response)
    assert role_of(ada, demo) == "owner"
    assert events("member.role_changed") == []


def test_an_owner_who_can_not_sign_in_does_not_count(adas, ada, olivia, demo):
    olivia.is_active = False
    olivia.save()
    change(adas, ada, demo, "viewer")
    assert role_of(ada, demo) == "owner"


def test_one_of_two_owners_may_step_down(adas, ada, olivia, demo):
    change(adas, ada, demo, "viewer")
    assert (role_of(ada, demo), role_of(olivia, demo)) == ("viewer", "owner")


def test_it_takes_a_recent_sign_in(adas, ben, demo):
    forget_proof(adas)
    assert adas.get(role_page(ben, demo)).status_code == 200
    response = adas.post(role_page(ben, demo), {"role": "admin"})
    assert asked_by(response)["next"] == role_page(ben, demo)
    assert role_of(ben, demo) == "viewer"


def test_what_was_sent_goes_on_after_the_proof(adas, ben, demo):
    forget_proof(adas)
    confirm = adas.post(role_page(ben, demo), {"role": "admin"})["Location"]
    adas.post(confirm, {"password": factories.PASSWORD, "next": role_page(ben, demo)}, follow=True)
    assert role_of(ben, demo) == "admin"


def act(membership, role, by):
    return memberships.change_role(membership=membership, role=role, by=by, actor=factories.TESTS, now=timezone.now())


def test_whoever_was_demoted_a_moment_ago_decides_nothing_more(ada, dan, ben, demo):
    """Between the page's look at the role and the service's."""
    dans_was, bens = membership_of(dan, demo), membership_of(ben, demo)
    act(dans_was, "viewer", membership_of(ada, demo))
    with pytest.raises(NotAllowedError):
        act(bens, "admin", dans_was)
    assert role_of(ben, demo) == "viewer"


def test_whoever_was_removed_a_moment_ago_decides_nothing_more(ada, dan, ben, demo):
    dans_was = membership_of(dan, demo)
    Membership.objects.filter(user=dan).delete()
    with pytest.raises(Membership.DoesNotExist):
        act(membership_of(ben, demo), "admin", dans_was)


def test_services_give_no_role_above_ones_own_either(dan, ben, demo):
    with pytest.raises(NotAllowedError, match="make and unmake owners"):
        act(membership_of(ben, demo), "owner", membership_of(dan, demo))
    assert role_of(ben, demo) == "viewer"


def test_services_refuse_what_is_no_role(ada, ben, demo):
    with pytest.raises(ValidationError, match="Choose viewer, developer, admin or owner"):
        act(membership_of(ben, demo), "root", membership_of(ada, demo))


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
    def test_two_owners_who_demote_each_other_leave_one(self, pair, demo, _time):
        first, second = pair
        together(lambda: act(second, "viewer", first), lambda: act(first, "viewer", second))
        assert owners_of(demo) == 1

    @pytest.mark.parametrize("_time", range(5))
    def test_two_owners_who_step_down_leave_one(self, pair, demo, _time):
        first, second = pair
        outcomes = together(lambda: act(first, "viewer", first), lambda: act(second, "viewer", second))
        assert owners_of(demo) == 1
        assert sum(isinstance(outcome, ValidationError) for outcome in outcomes) == 1

    @pytest.mark.parametrize("_time", range(5))
    def test_two_owners_who_leave_leave_one(self, pair, demo, _time):
        def leave(membership):
            return memberships.remove_member(membership=membership, by=membership, actor=factories.TESTS, now=timezone.now())

        together(lambda: leave(pair[0]), lambda: leave(pair[1]))
        assert owners_of(demo) == 1

    def test_over_http_as_well(self, ada, olivia, demo):
        browsers = {ada: sign_in(ada), olivia: sign_in(olivia)}
        pages = {ada: role_page(olivia, demo), olivia: role_page(ada, demo)}
        statuses = together(*[lambda user=user: browsers[user].post(pages[user], {"role": "viewer"}).status_code for user in browsers])
        assert owners_of(demo) == 1
        assert sorted(statuses) in ([302, 403], [302, 302])


class TestToAndFro:
    @pytest.fixture(autouse=True)
    def _few(self, monkeypatch):
        monkeypatch.setattr(quotas, "MAX_ROLES_OF_ONE", 2)

    def test_one_person_changes_another_s_role_few_times_in_an_hour(self, adas, ben, demo):
        """Each is a mail to them."""
        for role in ("developer", "viewer"):
            adas.post(role_page(ben, demo), {"role": role})
        refused = adas.post(role_page(ben, demo), {"role": "developer"})
        assert (refused.status_code, int(refused["Retry-After"]) > 3500) == (429, True)
        assert "Too many changes of this role. Wait 60 min and try again." in text_of(refused)
        assert role_of(ben, demo) == "viewer"
        assert len(mails()) == 2

    def test_which_keeps_nobody_else_from_it(self, adas, dans, ben, demo):
        for role in ("developer", "admin", "viewer"):
            dans.post(role_page(ben, demo), {"role": role})
        assert adas.post(role_page(ben, demo), {"role": "viewer"}).status_code == 302
        assert role_of(ben, demo) == "viewer"

    def test_nor_from_changing_those_of_others(self, adas, ben, dan, demo):
        for role in ("developer", "viewer", "developer"):
            adas.post(role_page(ben, demo), {"role": role})
        assert adas.post(role_page(dan, demo), {"role": "viewer"}).status_code == 302
