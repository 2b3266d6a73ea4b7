"""Scopes and addresses of a workspace or of one client, the most used first. By whole days (UTC), because that is how they are counted."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Count, Min, QuerySet, Sum

from clients.models import AddressUse, Client, ScopeUse, Workspace
from clients.periods import Period

LISTED = 10


@dataclass(frozen=True, slots=True)
class UsedScope:
    """granted: tokens with the scope. asked: how many of their requests named it. clients: how many clients got it."""

    scope: str
    granted: int
    asked: int
    clients: int


@dataclass(frozen=True, slots=True)
class UsedAddress:
    """count: requests granted to credentials from there. clients: how many clients. client_id: of one of them."""

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
    """environment: "" for both."""
    found = Client.objects.filter(workspace=workspace)
    return found.filter(environment=environment) if environment else found
