"""The retention of requests and audit events: the workspace's setting, or else the instance's."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TypeVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from clients.models import AuditEvent, RecordedRequest, Workspace

REQUEST_DAYS = (30, 400)
AUDIT_DAYS = (400, 36500)

_BATCH = 5000
_Row = TypeVar("_Row", bound=models.Model)


def require_range(workspace: Workspace) -> None:
    """Raise ValidationError, under the field's name, if a number of days is out of range."""
    for field, (least, most) in (("request_retention_days", REQUEST_DAYS), ("audit_retention_days", AUDIT_DAYS)):
        days = getattr(workspace, field)
        if days is not None and not least <= days <= most:
            raise ValidationError({field: f"Enter a whole number of days from {least:,} to {most:,}, or leave it empty."})


def request_days(days: int | None) -> int:
    """days: the workspace's setting."""
    return settings.REQUEST_RETENTION_DAYS if days is None else days


def audit_days(days: int | None) -> int:
    """days: the workspace's setting."""
    return settings.AUDIT_RETENTION_DAYS if days is None else days


def audit_kept_since(workspace: Workspace, *, now: datetime) -> datetime:
    """Events older than this are removed within the hour."""
    return now - timedelta(days=audit_days(workspace.audit_retention_days))


def count_requests(workspace: Workspace, *, older_than_days: int, now: datetime) -> int:
    return RecordedRequest.objects.filter(workspace=workspace, created_at__lt=now - timedelta(days=older_than_days)).count()


def count_audit_events(workspace: Workspace, *, older_than_days: int, now: datetime) -> int:
    return AuditEvent.objects.filter(workspace=workspace, created_at__lt=now - timedelta(days=older_than_days)).count()


def prune_requests(*, now: datetime) -> int:
    """Remove requests past their retention. Returns their number."""
    return _prune(RecordedRequest.objects.all(), "request_retention_days", settings.REQUEST_RETENTION_DAYS, now)


def prune_audit_events(*, now: datetime) -> int:
    """Remove audit events past their retention. Returns their number."""
    return _prune(AuditEvent.objects.all(), "audit_retention_days", settings.AUDIT_RETENTION_DAYS, now)


def _prune(rows: models.QuerySet[_Row], field: str, instance_days: int, now: datetime) -> int:
    as_the_instance = Q(workspace=None) | Q(**{f"workspace__{field}": None})
    removed = delete_in_batches(rows.filter(as_the_instance, created_at__lt=now - timedelta(days=instance_days)))
    for workspace in Workspace.objects.exclude(**{field: None}):
        removed += delete_in_batches(rows.filter(workspace=workspace, created_at__lt=now - timedelta(days=getattr(workspace, field))))
    return removed


def delete_in_batches(rows: models.QuerySet[_Row]) -> int:
    """The batches are small, so that no other writer waits long. Returns the number of deleted rows."""
    removed = 0
    # The rows have no order: with one, a database would read the whole table only to find that no rows are left.
    while batch := list(rows.order_by().values_list("pk", flat=True)[:_BATCH]):
        # Filter again, not only by key, so that a row renewed since it was read stays.
        rows.filter(pk__in=batch).delete()
        removed += len(batch)
    return removed


def delete_along_keys(rows: models.QuerySet[_Row]) -> Iterator[int]:
    """Like delete_in_batches, for a table without an index that finds old rows. It goes along the primary keys and yields the number of deleted rows of each
    batch.
    """
    table = rows.model._default_manager.order_by("pk").values_list("pk", flat=True)
    first = table.first()
    while first is not None:
        following = next(iter(table.filter(pk__gte=first)[_BATCH : _BATCH + 1]), None)
        batch = rows.filter(pk__gte=first) if following is None else rows.filter(pk__gte=first, pk__lt=following)
        yield batch.delete()[0]
        first = following
