"""Usage as a file: per hour (and per credential, if it is one client's), or the sums for every client."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from clients.models import Client, ClientActivity, UsageBucket, WorkspaceUsage
from clients.periods import PERIODS
from clients.workspace_usage import Selection

BY_HOUR = ("hour", "environment", "endpoint", "outcome", "requests")
BY_CREDENTIAL = ("hour", "client_id", "client", "credential", "endpoint", "outcome", "requests")
BY_CLIENT = ("client_id", "client", "environment", *(f"{outcome}_{name}" for name in PERIODS for outcome in ("granted", "refused")), "last_used_at")

_CHUNK = 2000


def by_hour(selection: Selection, *, now: datetime) -> Iterator[tuple[Any, ...]]:
    """The rows by hour, for all endpoints."""
    rows = WorkspaceUsage.objects.filter(workspace=selection.workspace, hour__gte=selection.period.begins_at(now))
    if selection.environment:
        rows = rows.filter(environment=selection.environment)
    yield from rows.order_by("hour", "pk").values_list("hour", "environment", "endpoint", "outcome", "count").iterator(_CHUNK)


def by_credential(client: Client, selection: Selection, *, now: datetime) -> Iterator[tuple[Any, ...]]:
    """The rows by credential, for all endpoints. credential: as in tokens, "" if none of the client's was recognised."""
    rows = UsageBucket.objects.filter(client=client, hour__gte=selection.period.begins_at(now)).order_by("hour", "pk")
    for hour, *rest in rows.values_list("hour", "credential", "endpoint", "outcome", "count").iterator(_CHUNK):
        yield (hour, client.client_id, client.name, *rest)


def by_client(selection: Selection) -> Iterator[tuple[Any, ...]]:
    """The rows by client, for the token endpoint, in each period, independent of the selection."""
    rows = ClientActivity.objects.filter(workspace=selection.workspace)
    if selection.environment:
        rows = rows.filter(client__environment=selection.environment)
    columns = ("client__client_id", "client__name", "client__environment", *BY_CLIENT[3:])
    yield from rows.order_by("client_id").values_list(*columns).iterator(_CHUNK)
