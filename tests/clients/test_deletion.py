"""Deleting a workspace: seven days in which it can be kept, then everything but its audit events is gone."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from clients.models import AuditEvent, Client, ClientSecret, RecordedRequest, Scope, UsageBucket, Workspace
from clients.services.deletion import GRACE_PERIOD, delete_workspace, keep_workspace, remove_deleted_workspaces
from clients.services.workspaces import create_workspace
from dashboard.models import Membership
from oauth.models import RevokedToken
from tests.factories import TESTS, create_client


@pytest.fixture
def deleted(demo, now):
    return delete_workspace(workspace=demo, typed_slug="demo", actor=TESTS, now=now)


def fill(workspace, now):
    client = create_client(workspace).secret.client
    UsageBucket.objects.create(client=client, endpoint="token", outcome="granted", hour=now, count=1)
    RevokedToken.objects.create(jti="a", client=client, expires_at=now, revoked_at=now)
    for of in (client, None):
        RecordedRequest.objects.create(
            workspace=workspace, client=of, request_id="r", endpoint="token", status=401, error="invalid_client", reason="x", detail="x", created_at=now
        )


def test_slug_has_to_be_typed_exactly(demo, now):
    for typed in ("", "Demo", "demo ", "x" * 100_000, "\0"):
        with pytest.raises(ValidationError, match="Type demo exactly"):
            delete_workspace(workspace=demo, typed_slug=typed, actor=TESTS, now=now)
    assert Workspace.objects.get().deletes_at is None


def test_deletion_has_an_end_and_an_event_and_happens_once(deleted, now):
    assert deleted.deletes_at == now + GRACE_PERIOD
    again = delete_workspace(workspace=deleted, typed_slug="demo", actor=TESTS, now=now + timedelta(days=1))
    assert again.deletes_at == now + GRACE_PERIOD
    event = AuditEvent.objects.get(event="workspace.deleted")
    assert (event.before, event.after) == ({"deletes_at": None}, {"deletes_at": (now + GRACE_PERIOD).isoformat()})


def test_nothing_is_removed_before_its_time_and_after_it_nothing_can_be_kept(deleted, now):
    assert list(remove_deleted_workspaces(now=now + GRACE_PERIOD - timedelta(seconds=1))) == []
    assert Workspace.objects.exists()
    with pytest.raises(ValidationError, match="too late"):
        keep_workspace(workspace=deleted, actor=TESTS, now=now + GRACE_PERIOD)


def test_workspace_that_is_kept_is_as_before(deleted, now):
    for _ in range(2):
        kept = keep_workspace(workspace=deleted, actor=TESTS, now=now + timedelta(days=6))
        assert kept.deletes_at is None
    assert AuditEvent.objects.first().event == "workspace.kept"
    assert AuditEvent.objects.filter(event="workspace.kept").count() == 1
    assert list(remove_deleted_workspaces(now=now + timedelta(days=30))) == []


def test_everything_of_it_goes_and_nothing_of_others(demo, other, now, monkeypatch):
    monkeypatch.setattr("clients.services.deletion._CLIENTS", 1)
    monkeypatch.setattr("clients.services.deletion._EVENTS", 3)
    fill(demo, now)
    create_client(demo)
    create_client(other)
    events = set(AuditEvent.objects.filter(workspace=demo).values_list("pk", flat=True))
    of_other = AuditEvent.objects.filter(workspace=other).count()
    delete_workspace(workspace=demo, typed_slug="demo", actor=TESTS, now=now)
    assert list(remove_deleted_workspaces(now=now + GRACE_PERIOD)) == ["demo"]
    assert (Workspace.objects.get(), Client.objects.get().workspace, Membership.objects.get().workspace) == (other, other, other)
    assert (ClientSecret.objects.count(), Scope.objects.count()) == (1, 4)
    assert [model.objects.count() for model in (UsageBucket, RevokedToken, RecordedRequest)] == [0, 0, 0]
    kept = AuditEvent.objects.filter(workspace_slug="demo", workspace=None)
    assert events < set(kept.values_list("pk", flat=True))
    assert (kept.first().event, kept.first().actor, kept.first().target_id) == ("workspace.removed", "system", "demo")
    assert AuditEvent.objects.filter(workspace=other, workspace_slug="").count() == of_other


def test_slug_is_taken_for_as_long_as_its_events_are_kept(demo, now):
    """Otherwise somebody who can write to the database could empty a log by removing the workspace and recreating it with its content."""
    delete_workspace(workspace=demo, typed_slug="demo", actor=TESTS, now=now)
    assert list(remove_deleted_workspaces(now=now + GRACE_PERIOD)) == ["demo"]
    with pytest.raises(ValidationError, match="The workspace demo was removed, and its audit events are kept under that name"):
        create_workspace(slug="demo", name="Demo", actor=TESTS, now=now)
    assert create_workspace(slug="demo2", name="Demo", actor=TESTS, now=now).slug == "demo2"


def test_an_interrupted_removal_continues(demo, now, monkeypatch):
    create_client(demo)
    delete_workspace(workspace=demo, typed_slug="demo", actor=TESTS, now=now)

    def fail(*_, **__):
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr("clients.services.deletion._remove", fail)
        with pytest.raises(RuntimeError):
            list(remove_deleted_workspaces(now=now + GRACE_PERIOD))
    assert not Client.objects.exists()
    assert list(remove_deleted_workspaces(now=now + GRACE_PERIOD)) == ["demo"]


def test_once_removal_has_begun_no_node_whose_clock_is_behind_says_that_it_is_kept(demo, now, monkeypatch):
    delete_workspace(workspace=demo, typed_slug="demo", actor=TESTS, now=now)

    def keep_from_elsewhere(*_, **__):
        keep_workspace(workspace=demo, actor=TESTS, now=now + timedelta(hours=1))

    with monkeypatch.context() as patch:
        patch.setattr("clients.services.deletion._detach_events", keep_from_elsewhere)
        with pytest.raises(ValidationError, match="too late"):
            list(remove_deleted_workspaces(now=now + GRACE_PERIOD))
    assert list(remove_deleted_workspaces(now=now + GRACE_PERIOD)) == ["demo"]


def test_one_that_is_kept_at_the_last_moment_isnt_removed(demo, other, now):
    """After the list of those to be removed was read."""
    for workspace in (demo, other):
        delete_workspace(workspace=workspace, typed_slug=workspace.slug, actor=TESTS, now=now)
    removing = remove_deleted_workspaces(now=now + GRACE_PERIOD)
    first = next(removing)
    [left] = Workspace.objects.all()
    keep_workspace(workspace=left, actor=TESTS, now=now + GRACE_PERIOD - timedelta(seconds=1))
    assert (first, list(removing), Workspace.objects.get()) == ("demo" if left == other else "other", [], left)
