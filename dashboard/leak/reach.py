"""How far a leak reaches: what whoever holds it can do, from where it was used, how many tokens it obtained that are alive, and what breaks when it ends."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Max, Min

from clients.models import AddressUse, Client, ClientSecret, TokenCount
from clients.usage_report import AddressSummary, addresses_of, count_living_tokens, hourly
from dashboard.leak.findings import Finding

# Where it was used.
PERIOD = timedelta(days=30)
_MOST_ADDRESSES = 20


@dataclass(frozen=True, slots=True)
class Place:
    """first_seen: the day, UTC."""

    use: AddressSummary
    first_seen: date


@dataclass(frozen=True, slots=True)
class Reach:
    """scopes: of the token, or what a new one gets. last_token_ends: None where none is alive. rate: how often it is used, in words, "" where it isn't.

    others: secrets of the client that go on working. first: of the places, those that are new to the client come first.
    """

    scopes: tuple[str, ...]
    tokens: int
    last_token_ends: datetime | None
    places: list[Place]
    rate: str
    others: list[ClientSecret]

    @property
    def new_places(self) -> list[Place]:
        return [place for place in self.places if place.use.is_new]

    @property
    def usual_places(self) -> list[Place]:
        return [place for place in self.places if not place.use.is_new]


def measure(finding: Finding, *, now: datetime) -> Reach:
    client, credential = finding.client, finding.credential_id
    scopes = finding.token.scopes if finding.token is not None else tuple(client.scopes)
    if finding.credential is None and finding.token is None:
        return Reach(scopes, count_living_tokens(client, now=now), None, _places(client, None, now), "", [])
    tokens = count_living_tokens(client, credential=credential, now=now)
    last = TokenCount.objects.filter(client=client, credential=credential, expires_at__gt=now).aggregate(last=Max("expires_at"))["last"] if tokens else None
    others = []
    if isinstance(finding.credential, ClientSecret):
        others = list(ClientSecret.objects.usable(now).filter(client=client).exclude(pk=finding.credential.pk)[:5])
    return Reach(scopes, tokens, last, _places(client, credential, now), _say_rate(client, credential, now), others)


def _places(client: Client, credential: str | None, now: datetime) -> list[Place]:
    uses = addresses_of(client, credential=credential, since=now - PERIOD, now=now, limit=_MOST_ADDRESSES)
    rows = AddressUse.objects.filter(client=client, address__in=[use.address for use in uses]).values_list("address").annotate(first=Min("day")).order_by()
    first = dict(rows)
    return sorted((Place(use, first[use.address]) for use in uses), key=lambda place: not place.use.is_new)


def _say_rate(client: Client, credential: str, now: datetime) -> str:
    """Over the last day, the present hour included."""
    count = sum(slot.granted for slot in hourly(client, credential=credential, endpoint=None, hours=24, now=now))
    for unit, number in (("a minute", 1440), ("an hour", 24), ("a day", 1)):
        if count >= number:
            return f"about {_say_times(round(count / number))} {unit}"
    return ""


def _say_times(number: int) -> str:
    return "once" if number == 1 else f"{number:,} times"
