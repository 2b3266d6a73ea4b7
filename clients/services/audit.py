"""Writing audit events. Only services call it, inside their transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from clients.models import AuditEvent, Workspace


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: name as AuditEvent.actor has it; address and request_id where the act came over HTTP."""

    name: str
    address: str | None = None
    request_id: str = ""


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
    """Write one event. An error of the program if no transaction is open: event and change stand or fall together."""
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("An audit event belongs in the transaction of the change that it records.")
    return AuditEvent.objects.create(
        workspace=workspace,
        event=event,
        actor=actor.name[:254],
        address=actor.address or None,
        request_id=actor.request_id,
        target_type=target_type,
        target_id=target_id,
        before=dict(before or {}),
        after=dict(after or {}),
        created_at=now,
    )
