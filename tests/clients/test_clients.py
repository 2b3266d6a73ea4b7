"""Services for workspaces, scopes and clients: each change is written with its event, or not at all."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction

from clients.models import AuditEvent, Client, ClientSecret, Scope, Workspace
from clients.services import audit, clients, scopes, workspaces
from clients.services.audit import Actor
from tests.factories import TESTS, create_client, create_workspace


def test_actor_address_and_request_id_are_in_the_event(workspace, now):
    """A long name of an actor is cut to its column."""
    ada = Actor("user:7 ada@example.com", address="203.0.113.7", request_id="abc")
    client = clients.create_client(workspace=workspace, name="billing-sync", actor=ada, now=now)
    event = AuditEvent.objects.first()
    assert (event.event, event.actor, event.address, event.request_id) == ("client.created", ada.name, "203.0.113.7", "abc")
    assert (event.workspace, event.target_type, event.target_id, event.created_at) == (workspace, "client", client.client_id, now)
    assert event.after["name"] == "billing-sync"
    assert client.created_by == ada.name
    clients.create_client(workspace=workspace, name="x", actor=Actor("user:7 " + "a" * 300), now=now)
    assert len(AuditEvent.objects.first().actor) == 254


def test_event_outside_of_a_transaction_is_a_mistake_of_the_program(transactional_db, now):
    with pytest.raises(transaction.TransactionManagementError, match="belongs in the transaction"):
        audit.record("x", workspace=None, actor=TESTS, target_type="x", target_id="x", now=now)


def test_change_without_its_event_is_undone(transactional_db, now, monkeypatch):
    workspace = create_workspace("demo")
    client = create_client(workspace).secret.client
    before = AuditEvent.objects.count()
    # An event that the database refuses.
    broken = Actor(TESTS.name, request_id=None)
    for change in (
        lambda: create_client_with(workspace, broken, now),
        lambda: clients.create_client(workspace=workspace, name="x", actor=broken, now=now),
        lambda: clients.disable_client(client=client, actor=broken, now=now),
        lambda: workspaces.create_workspace(slug="other", name="", actor=broken, now=now),
        lambda: scopes.create_scope(workspace=workspace, name="orders:read", description="", actor=broken, now=now),
    ):
        with pytest.raises(Exception, match="NOT NULL"):
            change()
    assert (Client.objects.count(), ClientSecret.objects.count(), Workspace.objects.count(), Scope.objects.count()) == (1, 1, 1, 4)
    assert Client.objects.get().status == "enabled"
    assert AuditEvent.objects.count() == before


def create_client_with(workspace, actor, now):
    return clients.create_client_with_credentials(workspace=workspace, name="x", actor=actor, now=now)


def test_client_whose_secret_makes_no_sense_or_the_database_refuses_isnt_made(workspace, now):
    events = AuditEvent.objects.count()
    with pytest.raises(ValidationError):
        clients.create_client_with_credentials(workspace=workspace, name="x", secret_lifetime=timedelta(), actor=TESTS, now=now)
    connection.cursor().execute("CREATE TRIGGER full BEFORE INSERT ON clients_clientsecret BEGIN SELECT RAISE(ABORT, 'database is full'); END")
    with pytest.raises(DatabaseError, match="database is full"):
        clients.create_client_with_credentials(workspace=workspace, name="x", actor=TESTS, now=now)
    assert not Client.objects.exists()
    assert AuditEvent.objects.count() == events


def test_client_with_secret_is_two_events_in_order(workspace, now):
    new = clients.create_client_with_credentials(workspace=workspace, name="x", actor=TESTS, now=now)
    assert list(AuditEvent.objects.order_by("-pk").values_list("event", "target_id")[:2]) == [
        ("secret.created", new.secret.secret.secret_id),
        ("client.created", new.client.client_id),
    ]
    assert new.secret.plaintext not in str(list(AuditEvent.objects.values()))
    assert Client.objects.get().secrets.get() == new.secret.secret


def test_disabling_and_enabling_return_the_row_as_it_is_now(workspace, now):
    client = create_client(workspace).secret.client
    assert clients.disable_client(client=client, actor=TESTS, now=now).status == "disabled"
    assert clients.enable_client(client=client, actor=TESTS, now=now).status == "enabled"
    assert list(AuditEvent.objects.order_by("-pk").values_list("before", "after")[:2]) == [
        ({"status": "disabled"}, {"status": "enabled"}),
        ({"status": "enabled"}, {"status": "disabled"}),
    ]
