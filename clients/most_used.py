"""Scopes and addresses of a workspace or of one client, the most used first. They are counted by whole days (UTC)."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Count, Min, QuerySet, Sum

from clients.models import AddressUse, Client, ScopeUse, Workspace
from clients.periods import Period

LISTED = 10


@dataclass(frozen=True, slots=True)
class UsedScope:
    """granted: the number of tokens with the scope. asked: the number of their requests that named it. clients: the number of clients that got it."""

    scope: str
    granted: int
    asked: int
    clients: int


@dataclass(frozen=True, slots=True)
class UsedAddress:
    """count: the number of granted requests from there. clients: the number of clients. client_id: one client's."""

    address: str
    count: int
    clients: int
    client_id: str


def first_day(period: Period, now: datetime) -> date:
    return period.begins_at(now).date()


def most_used_scopes(clients: QuerySet[Client], period: Period, *, now: datetime) -> list[UsedScope]:
    rows = ScopeUse.objects.filter(client__in=clients, day__gte=first_day(period, now)).values("scope")
    sums = rows.annotate(tokens=Sum("granted"), named=Sum("asked"), clients=Count("client", distinct=True)).order_by("-tokens", "scope")
    return [UsedScope(row["scope"], row["tokens"], row["named"], row["clients"]) for row in sums[:LISTED]]


def most_used_addresses(clients: QuerySet[Client], period: Period, *, now: datetime) -> list[UsedAddress]:
    rows = AddressUse.objects.filter(client__in=clients, day__gte=first_day(period, now)).values("address")
    sums = rows.annotate(uses=Sum("count"), clients=Count("client", distinct=True), first=Min("client__client_id")).order_by("-uses", "address")
    return [UsedAddress(row["address"], row["uses"], row["clients"], row["first"]) for row in sums[:LISTED]]


def clients_of(workspace: Workspace, environment: str) -> QuerySet[Client]:
    """The workspace's clients. environment: "" for both."""
    found = Client.objects.filter(workspace=workspace)
    return found.filter(environment=environment) if environment else found
