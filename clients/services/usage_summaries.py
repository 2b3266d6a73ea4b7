"""Regularly computes the sums that pages show for workspaces with many clients."""

from dataclasses import asdict
from datetime import datetime

from django.db.models import Count

from clients.models import Client, UsageSummary, Workspace
from clients.most_used import clients_of, most_used_addresses, most_used_scopes
from clients.periods import Period

# With up to this many clients, a page computes the sums itself, in 20 ms.
LIVE_CLIENTS = 500


def make_summaries(period: Period, *, now: datetime) -> int:
    """Make the sums for each workspace with more clients. Returns the number of workspaces."""
    large = Workspace.objects.annotate(count=Count("clients")).filter(count__gt=LIVE_CLIENTS)
    for workspace in large:
        for environment in ("", *Client.Environment.values):
            clients = clients_of(workspace, environment)
            fields = {
                "made_at": now,
                "scopes": [asdict(used) for used in most_used_scopes(clients, period, now=now)],
                "addresses": [asdict(used) for used in most_used_addresses(clients, period, now=now)],
            }
            UsageSummary.objects.update_or_create(workspace=workspace, environment=environment, period=period.name, defaults=fields)
    return len(large)
