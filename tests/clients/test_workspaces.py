"""Changes of a workspace, and what one that is about to be deleted gets no more."""

import pytest
from django.core.exceptions import ValidationError

from clients.models import AuditEvent, Workspace
from clients.services import clients, rotation, workspaces
from clients.services.certificates import add_certificates
from clients.services.deletion import delete_workspace
from clients.services.scopes import create_scope
from tests.clients.conftest import demand
from tests.factories import TESTS, create_client, create_secret

# Changing it


def test_change_is_one_event_with_what_was_and_what_is_and_of_nothing_none(workspace, now):
    events = AuditEvent.objects.count()
    demand(workspace, now, name="Demo", max_secret_lifetime_days=None)
    assert AuditEvent.objects.count() == events
    demand(workspace, now, name="Demo & Söhne", max_secret_lifetime_days=30, requires_secret_expiry=False)
    event = AuditEvent.objects.first()
    assert (event.event, event.target_type, event.target_id, event.workspace) == ("workspace.changed", "workspace", "demo", workspace)
    assert (event.before, event.after) == ({"name": "Demo", "max_secret_lifetime_days": None}, {"name": "Demo & Söhne", "max_secret_lifetime_days": 30})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_secret_lifetime_days", 0),
        ("max_secret_lifetime_days", 36501),
        ("default_secret_lifetime_days", -1),
        ("max_token_lifetime", 59),
        ("max_token_lifetime", 86401),
        ("disable_unused_after_days", 6),
        ("disable_unused_after_days", 401),
        ("allowed_auth_methods", ["none"]),
        ("request_retention_days", 29),
        ("request_retention_days", 401),
        ("audit_retention_days", 399),
        ("name", "\u202eevil"),
        ("name", "x" * 100_000),
    ],
)
def test_value_out_of_range_is_refused_and_nothing_is_written(workspace, now, field, value):
    events = AuditEvent.objects.count()
    with pytest.raises(ValidationError):
        demand(workspace, now, **{field: value})
    assert (AuditEvent.objects.count(), Workspace.objects.get().name) == (events, "Demo")


# A workspace that is about to be deleted


def test_nothing_is_made_in_a_workspace_that_is_about_to_be_deleted(workspace, now):
    client = create_client(workspace, now=now).secret.client
    delete_workspace(workspace=workspace, typed_slug="demo", actor=TESTS, now=now)
    for act in (
        lambda: clients.create_client_with_credentials(workspace=workspace, name="billing-sync", actor=TESTS, now=now),
        lambda: clients.create_client(workspace=workspace, name="x", actor=TESTS, now=now),
        lambda: create_secret(client),
        lambda: rotation.rotate_secret(client=client, actor=TESTS, now=now),
        lambda: add_certificates(client=client, parsed=[], actor=TESTS, now=now),
        lambda: create_scope(workspace=workspace, name="orders:read", description="", actor=TESTS, now=now),
    ):
        with pytest.raises(ValidationError, match="an owner can keep it") as error:
            act()
        assert error.value.code == "workspace_deleted"


def test_workspace_is_made_once(workspace, now):
    with pytest.raises(ValidationError, match="The workspace demo already exists"):
        workspaces.create_workspace(slug="demo", name="", actor=TESTS, now=now)
