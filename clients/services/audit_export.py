"""Records that somebody exported audit events."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from clients.models import AuditEvent, Workspace
from clients.services import audit
from clients.services.audit import Actor

_MAX = 254


def record_export(*, workspace: Workspace, kind: str, filters: Mapping[str, str], events: int, actor: Actor, now: datetime) -> AuditEvent:
    """kind: csv or json. filters: as requested. events: the number of exported events."""
    with transaction.atomic():
        return audit.record(
            "audit.exported",
            workspace=workspace,
            actor=actor,
            target_type="audit",
            target_id=workspace.slug,
            now=now,
            after={"format": kind, "events": events, "filters": {name: value[:_MAX] for name, value in filters.items()}},
        )
