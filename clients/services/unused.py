"""Disables clients that have long been unused if their workspace's policy says so, and warns their owners beforehand."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef

from clients.disuse import can_tell, unused_clients
from clients.models import AuditEvent, Client, Workspace
from clients.moment import iso
from clients.services import audit
from clients.services.announcements import Unused, announce, together
from clients.services.audit import SYSTEM, Change
from clients.services.clients import set_status_of
from clients.services.workspaces import lock_workspace

_BATCH = 100
# The time between warning and disabling. It is half of the policy's days if that is shorter.
_WARNED_DAYS = 7
_WARNED = "client.disuse_warned"


def disable_unused_clients(*, now: datetime) -> Iterator[int]:
    """Do it in every workspace with this policy, in batches, each in its own transaction. Yields the number of disabled clients of each batch."""
    return _in_batches(_disable, now=now)


def warn_of_disuse(*, now: datetime) -> Iterator[int]:
    """Announce clients that disable_unused_clients will disable soon, each once. Call it afterwards. Yields like disable_unused_clients."""
    return _in_batches(_warn, now=now)


def _in_batches(act: Callable[..., int], *, now: datetime) -> Iterator[int]:
    for workspace in Workspace.objects.filter(disable_unused_after_days__isnull=False, deletes_at=None):
        while changed := _do_batch(act, workspace, now=now):
            yield changed


def _do_batch(act: Callable[..., int], workspace: Workspace, *, now: datetime) -> int:
    with together(), transaction.atomic():
        # Read the current policy, because somebody may have loosened it since the last batch.
        locked = lock_workspace(workspace)
        days = locked.disable_unused_after_days
        return 0 if days is None or not can_tell(days) else act(locked, days, now=now)


def _warned_time(days: int) -> timedelta:
    return timedelta(days=min(_WARNED_DAYS, days // 2))


def _warned_since(since: datetime) -> Exists:
    """A condition for clients: their owners were promised that they stay enabled until later."""
    return Exists(AuditEvent.objects.filter(target_type="client", target_id=OuterRef("client_id"), event=_WARNED, created_at__gt=since))


def _disable(workspace: Workspace, days: int, *, now: datetime) -> int:
    due = unused_clients(workspace, days=days, now=now).filter(~_warned_since(now - _warned_time(days)))
    found = list(due.select_for_update(of=("self",), no_key=True)[:_BATCH])
    set_status_of(found, Client.Status.DISABLED, workspace=workspace, reason=f"unused for {days} days", actor=SYSTEM, now=now)
    return len(found)


def _warn(workspace: Workspace, days: int, *, now: datetime) -> int:
    warned_time = _warned_time(days)
    unused = unused_clients(workspace, days=days - warned_time.days, now=now)
    found = list(unused.filter(~_warned_since(now - warned_time))[:_BATCH])
    disables_at = now + warned_time
    changes = [Change(client.client_id, {}, {"disables_at": iso(disables_at)}) for client in found]
    audit.record_many(_WARNED, workspace=workspace, actor=SYSTEM, target_type="client", changes=changes, now=now)
    for client in found:
        announce(Unused(client, days, disables_at, now))
    return len(found)
