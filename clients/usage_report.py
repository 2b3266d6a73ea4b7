"""Queries about a client's usage: its credentials in use, their addresses and counts, and how many of their tokens are still valid.

A credential is named as in tokens: a secret by its secret ID, a key “key:<kid>”, a certificate “certificate:<thumbprint>”. The cost doesn't depend on the
number of clients; for one client it grows with the requested hours and addresses.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db.models import CharField, Count, Exists, F, Max, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Cast, Concat

from clients.models import AddressUse, Client, ClientCertificate, ClientPublicKey, ClientSecret, TokenCount, UsageBucket, WorkspaceUsage
from clients.outcomes import FAILED_HERE, GRANTED
from clients.periods import HOUR, Period, floor_hour

# An address is new to a client for this long, unless the client itself is new.
NEW_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class AddressSummary:
    """is_new: the client was first seen there within NEW_FOR, but had been used elsewhere or existed before. first_seen: a day, UTC."""

    address: str
    count: int
    last_used_at: datetime
    is_new: bool
    first_seen: date


@dataclass(frozen=True, slots=True)
class Slot:
    """The outcomes of the requests in some hours. failed: the server failed."""

    begins_at: datetime
    length: timedelta
    granted: int = 0
    refused: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        return self.granted + self.refused + self.failed


@dataclass(frozen=True, slots=True)
class LivingTokens:
    """last_ends_at: when the last issued token expires, revoked or not."""

    count: int
    last_ends_at: datetime


def count_living_tokens(client: Client, *, now: datetime) -> int:
    """The valid tokens of all the client's credentials. See living_tokens_by_credential."""
    return sum(one.count for one in living_tokens_by_credential(client, now=now).values())


def living_tokens_by_credential(client: Client, *, now: datetime) -> dict[str, LivingTokens]:
    """The number of tokens that are valid now, assuming that the client is enabled. Tokens that were revoked, alone or with their credential, don't count.

    The count is up to two seconds late, and a token counts until the end of the minute in which it expires.
    """
    rows = TokenCount.objects.filter(client=client, expires_at__gt=now)
    return _count_living(_without_revoked_credentials(rows), client.revoked_tokens.filter(expires_at__gt=now))


def living_tokens_of(client: Client, credential: str, *, now: datetime) -> LivingTokens | None:
    """The same for one credential, as if it weren't revoked; None for none. credential: as in TokenCount."""
    of_it = {"credential": credential, "expires_at__gt": now}
    return _count_living(TokenCount.objects.filter(client=client, **of_it), client.revoked_tokens.filter(**of_it)).get(credential)


def _count_living(rows: QuerySet[TokenCount], revoked_alone: QuerySet[Any]) -> dict[str, LivingTokens]:
    issued = rows.values_list("credential").annotate(tokens=Sum("count"), last=Max("expires_at")).order_by()
    revoked = revoked_alone.values_list("credential").annotate(tokens=-Count("pk"), last=Max("expires_at")).order_by()
    living: dict[str, LivingTokens] = {}
    for credential, tokens, last in issued.union(revoked, all=True):
        before = living.get(credential, LivingTokens(0, last))
        living[credential] = LivingTokens(before.count + int(tokens), max(before.last_ends_at, last))
    return {credential: one for credential, one in living.items() if one.count > 0}


def _without_revoked_credentials(rows: QuerySet[TokenCount]) -> QuerySet[TokenCount]:
    revoked = {"client": OuterRef("client"), "revoked_at__isnull": False}
    keys = ClientPublicKey.objects.annotate(credential=Concat(Value("key:"), F("kid")))
    certificates = ClientCertificate.objects.annotate(credential=Concat(Value("certificate:"), F("thumbprint")))
    return rows.exclude(
        Exists(ClientSecret.objects.filter(**revoked, secret_id=OuterRef("credential")))
        | Exists(keys.filter(**revoked, credential=OuterRef("credential")))
        | Exists(certificates.filter(**revoked, credential=OuterRef("credential")))
    )


def addresses_of(client: Client, *, credential: str | None = None, since: datetime, now: datetime, limit: int = 100) -> list[AddressSummary]:
    """The addresses that the client's credentials were used from since that day, UTC; the most recently used come first.

    Only requests that presented the credential itself count, because a token may be used elsewhere.
    """
    rows = AddressUse.objects.filter(client=client, day__gte=since.date())
    if credential is not None:
        rows = rows.filter(credential=credential)
    sums = rows.values("address").annotate(uses=Sum("count"), last=Max("last_used_at"), first=first_day(client)).filter(last__gte=since)
    old = last_old_day(client, now=now)
    found = sums.order_by("-last", "address")[:limit]
    return [AddressSummary(row["address"], row["uses"], row["last"], row["first"] > old, row["first"]) for row in found]


def last_old_day(client: Client, *, now: datetime) -> date:
    """An address first seen after this day is new to the client. For a new client, no address is new."""
    return (now - NEW_FOR).date() if client.created_at <= now - NEW_FOR else date.max


def first_day(client: Client) -> Subquery:
    """The day on which the client was first seen at an address, UTC. It is for rows of AddressUse grouped by address: one index look-up for each group."""
    return Subquery(AddressUse.objects.filter(client=client, address=OuterRef("address")).order_by("day").values("day")[:1])


def requests_by_credential(client: Client, *, since: datetime, now: datetime) -> dict[str, int]:
    """The number of granted requests of each credential since that hour, at any endpoint, by itself or by a token that it obtained."""
    rows = UsageBucket.objects.filter(client=client, hour__gte=floor_hour(since), hour__lte=now, outcome=GRANTED)
    return {row["credential"]: row["requests"] for row in rows.values("credential").annotate(requests=Sum("count")).order_by()}


def hourly(client: Client, *, credential: str | None = None, endpoint: str | None = "token", hours: int, now: datetime) -> list[Slot]:
    """One Slot per hour, oldest first, the current hour last. endpoint: None for all."""
    rows = UsageBucket.objects.filter(client=client)
    if credential is not None:
        rows = rows.filter(credential=credential)
    if endpoint is not None:
        rows = rows.filter(endpoint=endpoint)
    return in_slots(rows, Period.of_hours(hours), now=now)


def in_slots(rows: QuerySet[UsageBucket] | QuerySet[WorkspaceUsage], period: Period, *, now: datetime) -> list[Slot]:
    """rows: UsageBuckets or WorkspaceUsages."""
    begin = period.begins_at(now)
    granted = Q(outcome=GRANTED)
    sums = (
        rows.filter(hour__gte=begin, hour__lt=period.ends_at(now))
        .values("hour")
        .annotate(
            granted=Sum("count", filter=granted, default=0),
            others=Sum("count", filter=~granted, default=0),
            failed=Sum("count", filter=Q(outcome__in=FAILED_HERE), default=0),
        )
    )
    slots: dict[int, list[int]] = {}
    for row in sums.order_by():
        slot = slots.setdefault((row["hour"] - begin) // period.slot, [0, 0, 0])
        slot[0] += row["granted"]
        slot[1] += row["others"] - row["failed"]
        slot[2] += row["failed"]
    return [Slot(begin + number * period.slot, period.slot, *slots.get(number, (0, 0, 0))) for number in range(period.slots)]


@lru_cache(maxsize=1024)
def _read_moment(text: str) -> datetime:
    """A time as the database writes it: in UTC, but only PostgreSQL says so."""
    read = datetime.fromisoformat(text)
    return read.replace(tzinfo=read.tzinfo or UTC)


def granted_by_hour(clients: Iterable[int], *, hours: int, now: datetime) -> dict[int, list[int]]:
    """The numbers of tokens in each of the last hours, the current hour last, by the clients' primary keys. One query for a whole page of clients."""
    begin = floor_hour(now) - timedelta(hours=hours - 1)
    series = {client: [0] * hours for client in clients}
    rows = UsageBucket.objects.filter(client__in=series, hour__gte=begin, hour__lte=now, endpoint="token", outcome=GRANTED)
    # The hours are read as text: thousands of rows name the same few hours, and each is parsed only once.
    named = rows.annotate(named=Cast("hour", CharField())).values_list("client_id", "named")
    for client, hour, tokens in named.annotate(tokens=Sum("count")).order_by():
        series[client][(_read_moment(hour) - begin) // HOUR] = tokens
    return series
