"""Writes audit events. Only services call it, inside their transaction."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from clients.models import AuditEvent, Workspace


@dataclass(frozen=True, slots=True)
class Actor:
    """The acting person or program. name: as in AuditEvent.actor. address, request_id: set if the act came over HTTP.

    require_still: called in the transaction of each change of a workspace, under its lock. It raises if the actor may no longer do that: while a request waits,
    its sender may be removed from the workspace.
    """

    name: str
    address: str | None = None
    request_id: str = ""
    require_still: Callable[[Workspace], None] | None = field(default=None, compare=False, repr=False)


SYSTEM = Actor("system")


def record(
    event: str,
    *,
    workspace: Workspace | None,
    actor: Actor,
    target_type: str,
    target_id: str,
    now: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AuditEvent:
    """Write one event. It is a programming error if no transaction is open, because the event and the change must be committed together."""
    change = Change(target_id, before or {}, after or {})
    [written] = record_many(event, workspace=workspace, actor=actor, target_type=target_type, changes=[change], now=now)
    return written


@dataclass(frozen=True, slots=True)
class Change:
    target_id: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


def record_many(event: str, *, workspace: Workspace | None, actor: Actor, target_type: str, changes: Iterable[Change], now: datetime) -> list[AuditEvent]:
    """Write one event for each change, in few statements."""
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("An audit event belongs in the transaction of the change that it records.")
    if workspace is not None and actor.require_still is not None:
        actor.require_still(workspace)
    return AuditEvent.objects.bulk_create(
        [
            AuditEvent(
                workspace=workspace,
                event=event,
                actor=actor.name[:254],
                address=actor.address or None,
                request_id=actor.request_id,
                target_type=target_type,
                # The name is longer for a person with a very long address.
                target_id=change.target_id[:254],
                before=dict(change.before),
                after=dict(change.after),
                created_at=now,
            )
            for change in changes
        ],
        batch_size=1000,
    )
