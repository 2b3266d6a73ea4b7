"""Deletes a workspace: its clients stop at once. For a period, an owner can still keep it; then everything is removed.

Its audit events stay as long as the instance keeps audit events. They no longer refer to the workspace but keep its slug.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import models, transaction

from clients.models import AddressUse, AuditEvent, Client, RecordedRequest, ScopeUse, TokenCount, UsageBucket, Workspace, WorkspaceUsage
from clients.moment import iso
from clients.services import audit
from clients.services.announcements import WorkspaceDeletion, announce
from clients.services.audit import SYSTEM, Actor
from clients.services.retention import delete_in_batches
from clients.services.workspaces import lock_workspace

GRACE_PERIOD = timedelta(days=7)

_CLIENTS = 100
# A client may have very many of these rows, so they are removed first, in batches.
_OF_CLIENTS: tuple[type[models.Model], ...] = (UsageBucket, AddressUse, ScopeUse, TokenCount)
_EVENTS = 5000


def delete_workspace(*, workspace: Workspace, typed_slug: str, actor: Actor, now: datetime) -> Workspace:
    """From now on, none of its clients gets a token, and their existing tokens are refused. No effect if it was deleted before.

    typed_slug: typed by the user to confirm. Raise ValidationError if it isn't the slug.
    """
    with transaction.atomic():
        locked = lock_workspace(workspace)
        if typed_slug != locked.slug:
            raise ValidationError(f"Type {locked.slug} exactly.", code="not_confirmed")
        if locked.deletes_at is None:
            _set_deletion(locked, now + GRACE_PERIOD, "workspace.deleted", actor=actor, now=now)
    return locked


def keep_workspace(*, workspace: Workspace, actor: Actor, now: datetime) -> Workspace:
    """Undo delete_workspace: its clients work as before. No effect if it wasn't deleted. Raise ValidationError if it is too late."""
    with transaction.atomic():
        locked = lock_workspace(workspace)
        if locked.deletes_at is not None:
            if locked.deletes_at <= now:
                raise ValidationError(f"It is too late: {locked.slug} is already being removed.", code="too_late")
            _set_deletion(locked, None, "workspace.kept", actor=actor, now=now)
    return locked


def _set_deletion(locked: Workspace, deletes_at: datetime | None, event: str, *, actor: Actor, now: datetime) -> None:
    before, locked.deletes_at = locked.deletes_at, deletes_at
    locked.save(update_fields=["deletes_at"])
    audit.record(
        event,
        workspace=locked,
        actor=actor,
        target_type="workspace",
        target_id=locked.slug,
        now=now,
        before={"deletes_at": iso(before)},
        after={"deletes_at": iso(deletes_at)},
    )
    announce(WorkspaceDeletion(locked, actor, now))


def remove_deleted_workspaces(*, now: datetime) -> Iterator[str]:
    """Remove the workspaces whose period is over, each with everything in it except its audit events. Yields their slugs.

    It uses many transactions, because a large one would block everybody else. If interrupted, the next run continues: the workspace can no longer be kept.
    """
    for workspace in Workspace.objects.filter(deletes_at__lte=now):
        if not _begin_removal(workspace, now=now):
            continue
        delete_in_batches(RecordedRequest.objects.filter(workspace=workspace))
        delete_in_batches(WorkspaceUsage.objects.filter(workspace=workspace))
        while batch := list(Client.objects.filter(workspace=workspace).order_by("pk").values_list("pk", flat=True)[:_CLIENTS]):
            for rows in _OF_CLIENTS:
                delete_in_batches(rows._default_manager.filter(client__in=batch))
            Client.objects.filter(pk__in=batch).delete()
        _detach_events(workspace)
        _remove(workspace, now=now)
        yield workspace.slug


def _begin_removal(workspace: Workspace, *, now: datetime) -> bool:
    """Begin the removal. False if an owner has kept the workspace meanwhile. After this it can't be kept any more, even by a node whose clock is behind."""
    with transaction.atomic():
        locked = lock_workspace(workspace)
        if locked.deletes_at is None or locked.deletes_at > now:
            return False
        locked.deletes_at = min(locked.deletes_at, locked.created_at)
        locked.save(update_fields=["deletes_at"])
    return True


def _detach_events(workspace: Workspace) -> None:
    while batch := list(AuditEvent.objects.filter(workspace=workspace).order_by("pk").values_list("pk", flat=True)[:_EVENTS]):
        AuditEvent.objects.filter(pk__in=batch).update(workspace=None, workspace_slug=workspace.slug)


def _remove(workspace: Workspace, *, now: datetime) -> None:
    with transaction.atomic():
        locked = lock_workspace(workspace)
        audit.record("workspace.removed", workspace=locked, actor=SYSTEM, target_type="workspace", target_id=locked.slug, now=now, before={"name": locked.name})
        AuditEvent.objects.filter(workspace=locked).update(workspace=None, workspace_slug=locked.slug)
        # This finds clients made at the last moment, before the row was locked.
        Client.objects.filter(workspace=locked).delete()
        locked.delete()
