"""Whether a client is in use, and since when it has been disabled or enabled, from its credentials, its usage and the audit log."""

from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any, cast

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from clients.models import AuditEvent, Client, ClientActivity, UsageBucket, Workspace
from clients.models.credentials import KINDS
from clients.outcomes import GRANTED
from clients.periods import floor_hour

# After this time, pages say that the client is unused.
IDLE_AFTER = timedelta(days=90)


def uses_since(since: datetime) -> list[Exists]:
    """Conditions for clients: the traces that a use since then may have left. One is enough."""
    counted = UsageBucket.objects.filter(hour__gte=floor_hour(since), outcome=GRANTED)
    marked = [cast("QuerySet[Any]", rows.objects.filter(last_used_at__gte=since)) for rows in (ClientActivity, *KINDS)]
    return [Exists(rows.filter(client=OuterRef("pk"))) for rows in (counted, *marked)]


def was_used_since(client: Client, since: datetime) -> bool:
    return Client.objects.filter(reduce(or_, map(Q, uses_since(since))), pk=client.pk).exists()


def status_set_since(status: Client.Status, since: datetime) -> Exists:
    """A condition for clients that were given that status since then."""
    return Exists(AuditEvent.objects.filter(target_type="client", target_id=OuterRef("client_id"), event=f"client.{status.value}", created_at__gte=since))


def find_disabling(client: Client) -> AuditEvent | None:
    """The event with the person who disabled the client, and the time; None if it is enabled, or if the audit log doesn't reach back that far."""
    if client.status != Client.Status.DISABLED:
        return None
    return AuditEvent.objects.filter(workspace=client.workspace_id, target_type="client", target_id=client.client_id, event="client.disabled").first()


def can_tell(days: int) -> bool:
    """Whether usage is kept for that many days. A client without stored credentials, such as one with a jwks_uri, leaves no other trace."""
    return days <= settings.USAGE_RETENTION_DAYS


def unused_clients(workspace: Workspace, *, days: int, now: datetime) -> QuerySet[Client]:
    """Enabled clients that weren't used for that many days, except those that were made or enabled within that time."""
    since = now - timedelta(days=days)
    enabled = Client.objects.filter(workspace=workspace, status=Client.Status.ENABLED, created_at__lt=since)
    return enabled.filter(*(~use for use in uses_since(since)), ~status_set_since(Client.Status.ENABLED, since)).order_by("pk")
