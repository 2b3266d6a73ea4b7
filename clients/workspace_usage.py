"""Queries about the usage of the token endpoint by a workspace's clients, or by one of them. Their cost doesn't grow with the number of clients, because they
read stored sums (WorkspaceUsage, ClientActivity), and the buckets of only a few clients.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from clients.models import Client, ClientActivity, UsageBucket, Workspace, WorkspaceUsage
from clients.outcomes import FAILED_HERE, GRANTED
from clients.periods import HOUR, Period, floor_hour
from clients.usage_report import Slot

ENDPOINT = "token"

# At most this many clients are searched for the one that was refused most for a reason.
_CANDIDATES = 20


@dataclass(frozen=True, slots=True)
class Selection:
    """The part of the usage that a page shows. environment: "" for both. client: None for all clients."""

    workspace: Workspace
    period: Period
    environment: str = ""
    client: Client | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """outcomes: the number of requests with each outcome."""

    slots: list[Slot]
    outcomes: dict[str, int]

    @property
    def granted(self) -> int:
        return self.outcomes.get(GRANTED, 0)

    @property
    def failed(self) -> int:
        return sum(count for outcome, count in self.outcomes.items() if outcome in FAILED_HERE)

    @property
    def refused(self) -> int:
        return sum(self.outcomes.values()) - self.granted - self.failed

    @property
    def refused_percent(self) -> float:
        return 100 * self.refused / sum(self.outcomes.values())


@dataclass(frozen=True, slots=True)
class Share:
    """count: the requests in the period. before: those in the previous period of the same length."""

    count: int
    before: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """client: the client refused most often for that reason, None if all clients would have to be read to find it."""

    reason: str
    count: int
    client: Client | None


@dataclass(frozen=True, slots=True)
class Activity:
    """The numbers of active clients and of all clients. busiest: the clients with the most tokens first. refused: by primary key, the refusals of the clients
    that were refused most.
    """

    asked: int
    clients: int
    busiest: list[Client]
    refused: dict[int, tuple[Client, int]]


def count_totals(selection: Selection, *, now: datetime) -> Totals:
    period, client = selection.period, selection.client
    begin = period.begins_at(now)
    window = {"endpoint": ENDPOINT, "hour__gte": begin, "hour__lt": period.ends_at(now)}
    rows: QuerySet[Any] = WorkspaceUsage.objects.filter(workspace=selection.workspace, **window)
    if client is not None:
        rows = UsageBucket.objects.filter(client=client, **window)
    elif selection.environment:
        rows = rows.filter(environment=selection.environment)
    slots = [[0, 0, 0] for _ in range(period.slots)]
    outcomes: defaultdict[str, int] = defaultdict(int)
    for hour, outcome, count in rows.order_by().values_list("hour", "outcome").annotate(requests=Sum("count")):
        outcomes[outcome] += count
        slots[(hour - begin) // period.slot][0 if outcome == GRANTED else 2 if outcome in FAILED_HERE else 1] += count
    return Totals([Slot(begin + number * period.slot, period.slot, *counts) for number, counts in enumerate(slots)], dict(outcomes))


def find_activity(selection: Selection, *, limit: int) -> Activity:
    """busiest: at most limit clients, some of which may have made no requests. Requests may still count for up to an hour after they become too old."""
    rows = ClientActivity.objects.filter(workspace=selection.workspace)
    if selection.environment:
        rows = rows.filter(client__environment=selection.environment)
    granted, refused = f"granted_{selection.period.name}", f"refused_{selection.period.name}"
    asked = rows.filter(Q(**{f"{granted}__gt": 0}) | Q(**{f"{refused}__gt": 0}))
    most = rows.order_by(f"-{granted}", "-client_id").values("pk")[:limit]
    worst = rows.filter(**{f"{refused}__gt": 0}).order_by(f"-{refused}", "-client_id").values("pk")[:_CANDIDATES]
    named = ClientActivity.objects.filter(Q(pk__in=most) | Q(pk__in=worst)).select_related("client")
    found = list(named.annotate(asked=_count(asked), clients=_count(rows)))
    busiest = sorted(found, key=lambda row: (-getattr(row, granted), -row.pk))[:limit]
    candidates = sorted((row for row in found if getattr(row, refused)), key=lambda row: (-getattr(row, refused), -row.pk))[:_CANDIDATES]
    return Activity(
        asked=found[0].asked if found else 0,
        clients=found[0].clients if found else 0,
        busiest=[row.client for row in busiest],
        refused={row.pk: (row.client, getattr(row, refused)) for row in candidates},
    )


def _count(rows: QuerySet[ClientActivity]) -> Coalesce:
    """Count rows within another query. rows: one workspace's."""
    return Coalesce(Subquery(rows.order_by().values("workspace").values(count=Count("pk"))), 0)


def count_shares(clients: Collection[int], period: Period, *, now: datetime) -> dict[tuple[int, str], Share]:
    """Shares by primary key and outcome."""
    rows = UsageBucket.objects.filter(client__in=clients).order_by().values_list("client_id", "outcome")
    return {(client, outcome): Share(count, before) for client, outcome, count, before in _with_shares(rows, period, now=now)}


def count_credential_shares(client: Client, period: Period, *, now: datetime) -> dict[str, Share]:
    """The tokens of each credential that the client used in this period or the one before."""
    rows = UsageBucket.objects.filter(client=client, outcome=GRANTED).order_by().values_list("credential")
    return {credential: Share(count, before) for credential, count, before in _with_shares(rows, period, now=now)}


def _with_shares(rows: QuerySet[UsageBucket, Any], period: Period, *, now: datetime) -> QuerySet[UsageBucket, Any]:
    begin = period.begins_at(now)
    # Compare with as much time as the period has lasted so far; otherwise everything would seem to fall when the last slot begins.
    before = Q(hour__lt=floor_hour(now) + HOUR - period.length)
    in_both = rows.filter(endpoint=ENDPOINT, hour__gte=begin - period.length, hour__lt=period.ends_at(now))
    return in_both.annotate(count_now=Sum("count", filter=Q(hour__gte=begin), default=0), count_before=Sum("count", filter=before, default=0))


def name_refused(outcomes: dict[str, int], shares: Mapping[tuple[int, str], Share], activity: Activity) -> list[Refusal]:
    """The refusals for every reason, the most frequent first. outcomes: those of Totals. shares: at least those of activity.refused."""
    of_clients: defaultdict[str, dict[int, int]] = defaultdict(dict)
    for (client, outcome), share in shares.items():
        if client in activity.refused and share.count:
            of_clients[outcome][client] = share.count
    return [Refusal(reason, count, _find_most(of_clients[reason], count, activity)) for reason, count in in_order(outcomes)]


def in_order(outcomes: dict[str, int]) -> list[tuple[str, int]]:
    """The reasons for refusals with their counts, the most frequent first."""
    return sorted(((reason, count) for reason, count in outcomes.items() if reason != GRANTED), key=lambda pair: (-pair[1], pair[0]))


def _find_most(of_reason: dict[int, int], total: int, activity: Activity) -> Client | None:
    """A client that isn't a candidate wasn't refused more often than any candidate, nor more often than the total minus the candidates' refusals."""
    if not of_reason:
        return None
    pk = max(of_reason, key=lambda client: (of_reason[client], client))
    least = min(count for _, count in activity.refused.values()) if len(activity.refused) == _CANDIDATES else 0
    others = min(least, total - sum(of_reason.values()))
    return activity.refused[pk][0] if of_reason[pk] >= others else None
