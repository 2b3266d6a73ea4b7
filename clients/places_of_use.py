"""The addresses that a client's credentials are used from: one query for all credentials and addresses."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max, Sum

from clients.models import AddressUse, Client
from clients.usage_report import first_day, last_old_day

# At most this many pairs of a credential and an address are returned: those used last.
MAX = 1000


@dataclass(frozen=True, slots=True)
class Place:
    """A credential used from an address. count: the requests on the given days, UTC. is_new: whether the address is new to the client, as in AddressSummary."""

    credential: str
    address: str
    count: int
    last_used_at: datetime
    is_new: bool


def places_of(client: Client, *, since: datetime, now: datetime) -> list[Place]:
    """The most recently used come first."""
    found = _used(client, since, first=first_day(client))
    old = last_old_day(client, now=now)
    return [Place(row["credential"], row["address"], row["uses"], row["last"], row["first"] > old) for row in found]


def addresses_by_credential(client: Client, *, since: datetime) -> dict[str, list[str]]:
    """The addresses that each credential was used from since that day, UTC; the most recently used come first. One query."""
    found: dict[str, list[str]] = {}
    for row in _used(client, since):
        found.setdefault(row["credential"], []).append(row["address"])
    return found


def _used(client: Client, since: datetime, **annotations: Any) -> list[Any]:
    rows = AddressUse.objects.filter(client=client, day__gte=since.date()).values("credential", "address")
    return list(rows.annotate(uses=Sum("count"), last=Max("last_used_at"), **annotations).filter(last__gte=since).order_by("-last", "address")[:MAX])
