"""From where the credentials of a client are used, all of them at once: two queries, however many credentials and addresses there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Max, Min, Sum

from clients.models import AddressUse, Client
from clients.usage_report import NEW_FOR

# Of pairs of a credential and an address; those used last.
MOST = 1000


@dataclass(frozen=True, slots=True)
class Place:
    """A credential used from an address. count: on the days that were asked for, UTC. is_new: the address to the client, as AddressSummary has it."""

    credential: str
    address: str
    count: int
    last_used_at: datetime
    is_new: bool


def places_of(client: Client, *, since: datetime, now: datetime) -> list[Place]:
    """Those used last come first."""
    rows = AddressUse.objects.filter(client=client, day__gte=since.date()).values("credential", "address")
    found = list(rows.annotate(uses=Sum("count"), last=Max("last_used_at")).filter(last__gte=since).order_by("-last", "address")[:MOST])
    new = _find_new(client, sorted({row["address"] for row in found}), now=now)
    return [Place(row["credential"], row["address"], row["uses"], row["last"], row["address"] in new) for row in found]


def _find_new(client: Client, addresses: Sequence[str], *, now: datetime) -> set[str]:
    if not addresses or client.created_at > now - NEW_FOR:
        return set()
    first_day: date = (now - NEW_FOR).date()
    rows = AddressUse.objects.filter(client=client, address__in=addresses).values("address").annotate(first=Min("day")).order_by()
    return {row["address"] for row in rows if row["first"] > first_day}
