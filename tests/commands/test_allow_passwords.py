"""manage.py allow_passwords: where single sign-on is broken, an owner still comes in."""

import pytest

from clients.models import AuditEvent
from dashboard.models import AccessPolicy

pytestmark = pytest.mark.django_db


def test_it_takes_the_demand_away(command, demo):
    policy = AccessPolicy.objects.create(workspace=demo, requires_sso=True, requires_second_factor=True)
    assert command("allow_passwords", "demo", "--json").json == {"workspace": "demo", "changed": True}
    policy.refresh_from_db()
    assert (policy.requires_sso, policy.requires_second_factor) == (False, True)
    event = AuditEvent.objects.get(event="workspace.changed")
    assert event.workspace == demo
    assert event.actor.startswith("command:")
    assert (event.before, event.after) == ({"requires_sso": True}, {"requires_sso": False})


def test_where_nothing_is_demanded_nothing_happens(command, demo):
    assert command("allow_passwords", "demo", "--json").json == {"workspace": "demo", "changed": False}
    assert not AuditEvent.objects.filter(event="workspace.changed").exists()


def test_it_names_the_workspaces_that_there_are(refused, demo):
    assert "There is: demo." in refused("allow_passwords", "nowhere")
