"""Disables clients that have long been unused if their workspace's policy says so."""

from collections.abc import Iterator
from datetime import datetime

from django.db import transaction

from clients.disuse import can_tell, unused_clients
from clients.models import Client, Workspace
from clients.services.announcements import together
from clients.services.audit import SYSTEM
from clients.services.clients import set_status_of
from clients.services.workspaces import lock_workspace

_BATCH = 100


def disable_unused_clients(*, now: datetime) -> Iterator[int]:
    """Do it in every workspace with this policy, in batches, each in its own transaction. Yields the number of disabled clients of each batch."""
    for workspace in Workspace.objects.filter(disable_unused_after_days__isnull=False, deletes_at=None):
        while disabled := _disable_batch(workspace, now=now):
            yield disabled


def _disable_batch(workspace: Workspace, *, now: datetime) -> int:
    with together(), transaction.atomic():
        # Read the current policy, because somebody may have loosened it since the last batch.
        locked = lock_workspace(workspace)
        days = locked.disable_unused_after_days
        if days is None or not can_tell(days):
            return 0
        found = list(unused_clients(locked, days=days, now=now).select_for_update(of=("self",), no_key=True)[:_BATCH])
        set_status_of(found, Client.Status.DISABLED, workspace=locked, reason=f"unused for {days} days", actor=SYSTEM, now=now)
    return len(found)
