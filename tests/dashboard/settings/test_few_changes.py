"""Each change to and fro in a workspace is a permanent event, so the number per person and hour is limited."""

import pytest
from django.utils import timezone

from clients.models import AuditEvent, Workspace
from clients.services.scopes import create_scope
from dashboard.models import Membership, User
from dashboard.people import quotas
from tests import factories
from tests.dashboard.accounts.conftest import age_confirmation
from tests.dashboard.client_settings import conftest as client_settings
from tests.dashboard.conftest import asked_by, text_of
from tests.dashboard.members.conftest import membership_of
from tests.dashboard.settings.conftest import SETTINGS, entries


@pytest.fixture(autouse=True)
def _few(monkeypatch):
    monkeypatch.setattr(quotas, "MAX_EDITS", 2)


def assert_bounded(change, event):
    assert [change(number).status_code for number in (1, 2)] == [302, 302]
    refused = change(3)
    assert (refused.status_code, 3500 < int(refused["Retry-After"]) <= 3600) == (429, True)
    assert "Too many changes. Wait 60 min and try again." in text_of(refused)
    assert AuditEvent.objects.filter(event=event).exclude(actor="command:tests").count() == 2


def test_the_sentence_of_a_scope_which_takes_no_proof_and_uses_up_nothing_of_what_does(adas, demo, billing):
    """Somebody with a copy of the session's cookie mustn't keep its owner from disabling a client."""
    orders = create_scope(workspace=demo, name="orders:read", description="", actor=factories.TESTS, now=timezone.now())
    assert_bounded(lambda number: adas.post(f"{SETTINGS}scopes/{orders.pk}/", {"description": f"Reads {number}"}), "scope.changed")
    assert adas.post(client_settings.path(billing.secret.client, "disable"), {"reason": "stolen"}).status_code == 302


def test_scopes_and_what_somebody_else_has_changed_counts_for_nobody(adas, dans, demo):
    assert_bounded(lambda number: adas.post(f"{SETTINGS}scopes/", {"name": f"orders:{number}"}), "scope.created")
    assert dans.post(f"{SETTINGS}scopes/", {"name": "orders:write"}).status_code == 302


def test_the_settings(adas, demo):
    assert_bounded(lambda number: adas.post(SETTINGS, entries(adas) | {"name": f"Demo {number}"}), "workspace.changed")


@pytest.mark.long
def test_what_describes_a_client_of_which_saving_what_is_there_already_is_no_change(adas, billing):
    client = billing.secret.client
    there = client_settings.entries(client)
    for _ in range(3):
        assert adas.post(client_settings.path(client), there).status_code == 302

    def change(number):
        return adas.post(client_settings.path(client), client_settings.entries(client) | {"description": f"Number {number}"})

    assert_bounded(change, "client.changed")
    assert "Nothing was saved." in text_of(change(4))


@pytest.mark.long
def test_whether_a_client_is_disabled(adas, billing):
    client = billing.secret.client

    def change(number):
        adas.post(client_settings.path(client, "enable"))
        return adas.post(client_settings.path(client, "disable"), {"reason": f"Number {number}"})

    assert_bounded(change, "client.disabled")


def test_workspaces(adas, ada, demo):
    User.objects.filter(pk=ada.pk).update(is_staff=True, is_superuser=True)
    assert_bounded(lambda number: adas.post("/w/new/", {"name": f"W {number}", "slug": f"w-{number}"}), "workspace.created")


def test_roles(adas, ben, dan, eve, demo):
    factories.add_member(demo, eve, Membership.Role.VIEWER)
    others = [ben, dan, eve]
    assert_bounded(
        lambda number: adas.post(f"/w/demo/members/{membership_of(others[number - 1], demo).pk}/role/", {"role": "developer"}), "member.role_changed"
    )


def test_a_workspace_that_nobody_can_remove_at_once_takes_a_proof(adas, ada, demo):
    """Otherwise an abandoned session could make hundreds."""
    User.objects.filter(pk=ada.pk).update(is_staff=True, is_superuser=True)
    age_confirmation(adas)
    asked = asked_by(adas.post("/w/new/", {"name": "Flood", "slug": "flood"}))
    assert not Workspace.objects.filter(slug="flood").exists()
    assert adas.post("/accounts/confirm/", {"password": factories.PASSWORD, **asked})["Location"] == "/w/flood/members/"
