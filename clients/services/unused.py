"""Clients that nothing has used for long, and disabling them where their workspace says so."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from clients.models import AuditEvent, Client, UsageBucket, Workspace
from clients.models.credentials import KINDS
from clients.outcomes import GRANTED
from clients.services.announcements import together
from clients.services.audit import SYSTEM
from clients.services.clients import set_status_of
from clients.services.workspaces import lock_workspace

_BATCH = 100


def can_tell(days: int) -> bool:
    """Whether usage is kept for so long. A client without credentials of its own, such as one with a jwks_uri, leaves no other trace."""
    return days <= settings.USAGE_RETENTION_DAYS


def unused_clients(workspace: Workspace, *, days: int, now: datetime) -> QuerySet[Client]:
    """Enabled ones that got nothing granted for so many days. Never one that was made or enabled within them."""
    since = now - timedelta(days=days)
    of_client = {"client": OuterRef("pk")}
    enabled = AuditEvent.objects.filter(target_type="client", target_id=OuterRef("client_id"), event="client.enabled", created_at__gte=since)
    used = UsageBucket.objects.filter(**of_client, hour__gte=since.replace(minute=0, second=0, microsecond=0), outcome=GRANTED)
    return Client.objects.filter(
        *(~Exists(kind._default_manager.filter(**of_client, last_used_at__gte=since)) for kind in KINDS),
        ~Exists(used),
        ~Exists(enabled),
        workspace=workspace,
        status=Client.Status.ENABLED,
        created_at__lt=since,
    ).order_by("pk")


def disable_unused_clients(*, now: datetime) -> Iterator[int]:
    """In every workspace that wants it. In batches, each a transaction of its own; yields how many clients each disabled."""
    for workspace in Workspace.objects.filter(disable_unused_after_days__isnull=False, deletes_at=None):
        while disabled := _disable_batch(workspace, now=now):
            yield disabled


def _disable_batch(workspace: Workspace, *, now: datetime) -> int:
    with together(), transaction.atomic():
        # As the policy is now: somebody may have loosened it since the last batch.
        locked = lock_workspace(workspace)
        days = locked.disable_unused_after_days
        if days is None or not can_tell(days):
            return 0
        found = list(unused_clients(locked, days=days, now=now).select_for_update(of=("self",), no_key=True)[:_BATCH])
        set_status_of(found, Client.Status.DISABLED, workspace=locked, reason=f"unused for {days} days", actor=SYSTEM, now=now)
    return len(found)
