"""manage.py allow_passwords: if single sign-on is broken, people can still sign in."""

import pytest

from clients.models import AuditEvent
from dashboard.models import AccessPolicy, Membership, User
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(demo):
    return User.objects.get(memberships__workspace=demo)


@pytest.fixture
def ben(demo):
    user = factories.create_user("ben@example.com")
    factories.add_member(demo, user)
    return user


@pytest.fixture
def policy(demo):
    return AccessPolicy.objects.create(workspace=demo, requires_sso=True, requires_second_factor=True)


def test_it_removes_the_requirement(command, demo, policy):
    assert command("allow_passwords", "demo", "--json").json == {"workspace": "demo", "changed": True, "members": []}
    policy.refresh_from_db()
    assert (policy.requires_sso, policy.requires_second_factor) == (False, True)
    event = AuditEvent.objects.get(event="workspace.changed")
    assert event.workspace == demo
    assert event.actor.startswith("command:")
    assert (event.before, event.after) == ({"requires_sso": True}, {"requires_sso": False})


def test_without_a_requirement_nothing_happens(command, demo):
    assert command("allow_passwords", "demo", "--json").json == {"workspace": "demo", "changed": False, "members": []}
    assert not AuditEvent.objects.filter(event="workspace.changed").exists()


def test_roles_that_came_by_single_sign_on_become_those_of_the_people_who_are_named(command, demo, ada, ben):
    Membership.objects.update(came_by_sso=True)
    outcome = command("allow_passwords", "demo", "--member", " Ben@example.com", "--member", ben.email, "--json")
    assert outcome.json == {"workspace": "demo", "changed": False, "members": [ben.email]}
    assert dict(Membership.objects.values_list("user__email", "came_by_sso")) == {ada.email: True, ben.email: False}
    event = AuditEvent.objects.get(event="member.changed")
    assert (event.workspace, event.target_id, event.before, event.after) == (demo, ben.audit_name, {"came_by_sso": True}, {"came_by_sso": False})
    assert command("allow_passwords", "demo", "--member", ben.email, "--json").json["members"] == []
    assert AuditEvent.objects.filter(event="member.changed").count() == 1


@pytest.mark.parametrize("address", ["eve@example.com", "nobody@example.com", "x" * 10_000])
def test_somebody_who_is_no_member_is_refused_and_nothing_has_changed(refused, policy, ada, address):
    factories.create_user("eve@example.com")
    assert "isn't a member of demo" in refused("allow_passwords", "demo", "--member", "ada@example.com", "--member", address)
    policy.refresh_from_db()
    assert policy.requires_sso


def test_it_names_the_workspaces_that_there_are(refused, demo):
    assert "Workspaces: demo." in refused("allow_passwords", "nowhere")
