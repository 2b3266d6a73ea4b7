"""A workspace's scopes, as the services change them."""

import pytest
from django.core.exceptions import ValidationError

from clients.models import AuditEvent, Scope, Workspace
from clients.services import scopes
from clients.services.scopes import MAX_SCOPES, change_scope, create_scope, remove_scope
from tests.factories import TESTS, create_workspace


@pytest.fixture
def orders(workspace, now):
    return create_scope(workspace=workspace, name="orders:read", description="Read orders", actor=TESTS, now=now)


def test_there_are_a_thousand_at_most(workspace, now):
    Scope.objects.bulk_create(Scope(workspace=workspace, name=f"scope:{number}") for number in range(MAX_SCOPES))
    with pytest.raises(ValidationError, match="demo has 1,000 scopes"):
        create_scope(workspace=workspace, name="orders:read", description="", actor=TESTS, now=now)


def test_same_sentence_again_is_no_change(workspace, orders, now):
    assert change_scope(scope=orders, description="Read orders", actor=TESTS, now=now).description == "Read orders"
    assert not AuditEvent.objects.filter(event="scope.changed").exists()


@pytest.mark.parametrize(
    "change",
    [lambda scope, now: change_scope(scope=scope, description="x", actor=TESTS, now=now), lambda scope, now: remove_scope(scope=scope, actor=TESTS, now=now)],
)
def test_one_that_is_gone_cant_be_changed_or_removed(workspace, orders, now, change):
    remove_scope(scope=Scope.objects.get(pk=orders.pk), actor=TESTS, now=now)
    with pytest.raises(ValidationError, match="The scope orders:read no longer exists"):
        change(orders, now)


def test_built_in_one_stays(workspace, now):
    with pytest.raises(ValidationError, match="clients:read is built in"):
        remove_scope(scope=Scope.objects.get(name="clients:read"), actor=TESTS, now=now)


def test_a_deleted_workspace_gets_no_scope(workspace, now):
    gone = Workspace.objects.get()
    AuditEvent.objects.all().delete()
    workspace.delete()
    with pytest.raises(ValidationError, match="The workspace demo no longer exists"):
        create_scope(workspace=gone, name="orders:read", description="", actor=TESTS, now=now)


def test_scope_is_made_once_with_its_event(workspace, now):
    scope = scopes.create_scope(workspace=workspace, name="orders:read", description="Read orders.", actor=TESTS, now=now)
    assert (str(scope), scope.is_built_in) == ("orders:read", False)
    assert AuditEvent.objects.first().event == "scope.created"
    with pytest.raises(ValidationError, match="already exists in demo") as error:
        scopes.create_scope(workspace=workspace, name="orders:read", description="", actor=TESTS, now=now)
    assert error.value.code == "scope_taken"
    assert scopes.create_scope(workspace=create_workspace("other"), name="orders:read", description="", actor=TESTS, now=now).pk != scope.pk
