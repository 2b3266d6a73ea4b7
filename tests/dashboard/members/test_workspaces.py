"""The workspaces of a person, making one, and where the start page leads."""

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from clients.models import Workspace
from dashboard.models import Membership
from tests import factories
from tests.dashboard.conftest import sign_in, text_of
from tests.dashboard.members.conftest import Role, events, membership_of, role_of

NEW = "/w/new/"


def create(browser, name="Billing", slug="billing"):
    return browser.post(NEW, {"name": name, "slug": slug}, follow=True)


@pytest.fixture
def olgas(olga):
    return sign_in(olga)


@pytest.fixture
def second(ada):
    """Another workspace of Ada's."""
    return factories.create_workspace("second", owner=ada.email)


def test_people_see_the_workspaces_that_they_are_members_of(bens, demo, other):
    text = text_of(bens.get("/w/"))
    assert "Demo demo · You are a viewer" in text
    assert "Other" not in text
    assert "Create workspace" not in text


def test_somebody_who_is_in_none_is_told_what_to_do(olgas):
    assert "You aren’t in a workspace yet. Ask an admin of one to invite you." in text_of(olgas.get("/w/"))


def test_many_come_in_pages_and_one_that_is_about_to_be_deleted_is_marked(adas, ada, demo):
    now = timezone.now()
    many = Workspace.objects.bulk_create(Workspace(slug=f"w{number:02}", name=f"W{number:02}", created_at=now) for number in range(55))
    Membership.objects.bulk_create(Membership(workspace=one, user=ada, role="owner", created_at=now) for one in many)
    Workspace.objects.filter(pk=demo.pk).update(deletes_at=now)
    text = text_of(adas.get("/w/"))
    assert "1 to 50 of 56" in text
    assert "Will be deleted on" in text
    assert "51 to 56 of 56" in text_of(adas.get("/w/?page=2"))


class TestStartPage:
    def test_it_leads_to_the_only_workspace(self, bens):
        assert bens.get("/")["Location"] == "/w/demo/"

    @pytest.mark.usefixtures("other")
    def test_with_several_it_leads_to_the_choice_then_to_the_one_visited_last(self, adas, ada, ben, second):
        """The switcher of a page names each and marks the present one."""
        assert adas.get("/")["Location"] == "/w/"
        adas.get("/w/second/members/")
        assert adas.get("/")["Location"] == "/w/second/"
        html = " ".join(adas.get("/w/demo/members/").content.decode().split())
        assert '<a href="/w/demo/" aria-current="true">' in html
        assert '<a href="/w/second/">' in html
        assert "You are an owner" in text_of(html)
        assert adas.get("/")["Location"] == "/w/demo/"
        # Not to one that one only tried to open, or was removed from.
        adas.get("/w/other/members/")
        assert adas.get("/")["Location"] == "/w/demo/"
        adas.get("/w/second/members/")
        factories.add_member(second, ben)
        Membership.objects.filter(user=ada, workspace=second).delete()
        assert adas.get("/")["Location"] == "/w/demo/"


class TestCreating:
    def test_somebody_who_makes_it_owns_it_and_is_asked_to_invite(self, olgas, olga):
        response = create(olgas, name="Billing 🧾", slug="billing")
        assert "Billing 🧾 created. Invite your colleagues." in text_of(response)
        made = Workspace.objects.get()
        assert (made.slug, made.name, role_of(olga, made)) == ("billing", "Billing 🧾", "owner")
        assert [(event, actor) for event, actor, *_ in events("", workspace=made)] == [
            ("workspace.created", olga.audit_name),
            ("member.added", olga.audit_name),
        ]

    @pytest.mark.parametrize(
        ("name", "slug", "said"),
        [
            ("", "billing", "Enter a name, for example Billing."),
            ("Billing", "", "Enter a slug, for example billing."),
            ("Billing", "demo", "The workspace demo already exists. Choose another slug."),
            ("Billing", "new", "The slug new is used by another page. Choose another slug."),
            ("Billing", "Bill/ing", "A slug has 1 to 63 lower-case letters, digits and inner hyphens, for example billing-team."),
            ("Billing", "📎", "A slug has 1 to 63 lower-case letters"),
            ("Billing", "x" * 100_000, "A slug can have at most 63 characters."),
            ("x" * 100_000, "billing", "A name can have at most 100 characters."),
            ("Bil\u202eling", "billing", "The name contains a line break or an invisible character."),
            ("Bil\0ling", "billing", "Null characters are not allowed."),
        ],
    )
    def test_what_is_wrong_is_said_and_nothing_is_made(self, olgas, demo, name, slug, said):
        response = create(olgas, name, slug)
        text = text_of(response)
        assert response.status_code == 200
        assert "<title>Error: Create workspace" in response.content.decode()
        assert "Nothing was created." in text
        assert said in text
        assert Workspace.objects.get() == demo

    def test_it_is_for_administrators_of_the_instance(self, adas, browser):
        assert adas.get(NEW).status_code == 403
        assert create(adas).status_code == 403
        assert browser.get(NEW)["Location"] == f"/accounts/sign-in/?next={NEW}"
        assert not Workspace.objects.filter(slug="billing").exists()


def test_a_member_can_be_added_once(ada, ben, demo):
    assert factories.add_member(demo, ben, Role.OWNER) == membership_of(ben, demo)
    assert role_of(ben, demo) == "viewer"


def test_nobody_is_added_as_what_is_no_role(ada, demo):
    with pytest.raises(ValidationError, match="Choose viewer, developer, admin or owner"):
        factories.add_member(demo, factories.create_user("eve@example.com"), "root")
