"""The reach of a leak: what the credential allows, where it was used, how many of its tokens are valid, and what breaks if it is revoked."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max, Subquery, Sum

from clients.models import Client, ClientSecret, TokenCount
from clients.usage_report import AddressSummary, addresses_of, count_living_tokens
from dashboard.leak.findings import Finding
from oauth.models import RevokedToken

# The period for which uses are shown.
PERIOD = timedelta(days=30)
_MAX_ADDRESSES = 20


@dataclass(frozen=True, slots=True)
class Reach:
    """scopes: the token's, or those that a new token gets. last_token_ends: None if no token is valid. rate: the frequency of use in words that follow “it”, ""
    if it is unused.

    places: those that are new to the client come first. others: the client's secrets that keep working.
    """

    scopes: tuple[str, ...]
    tokens: int
    last_token_ends: datetime | None
    places: list[AddressSummary]
    rate: str
    others: list[ClientSecret]

    @property
    def new_places(self) -> list[AddressSummary]:
        return [place for place in self.places if place.is_new]

    @property
    def usual_places(self) -> list[AddressSummary]:
        return [place for place in self.places if not place.is_new]


def measure(finding: Finding, *, now: datetime) -> Reach:
    client, credential = finding.client, finding.credential_id
    scopes = finding.token.scopes if finding.token is not None else tuple(client.scopes)
    if not credential:
        return Reach(scopes, count_living_tokens(client, now=now), None, _places(client, None, now), "", [])
    is_revoked = finding.credential is not None and finding.credential.revoked_at is not None
    tokens, last = (0, None) if is_revoked else _count_tokens(client, credential, now)
    places = _places(client, credential, now)
    others = []
    if isinstance(finding.credential, ClientSecret):
        others = list(ClientSecret.objects.usable(now).filter(client=client).exclude(pk=finding.credential.pk)[:5])
    made_at = client.created_at if finding.credential is None else finding.credential.created_at
    return Reach(scopes, tokens, last, places, _say_rate(sum(place.count for place in places), min(now - made_at, PERIOD)), others)


def _count_tokens(client: Client, credential: str, now: datetime) -> tuple[int, datetime | None]:
    """The number of valid tokens, and the expiry of the last."""
    alive = {"client": client, "credential": credential, "expires_at__gt": now}
    revoked = RevokedToken.objects.filter(**alive).order_by().values("client").annotate(tokens=Count("pk")).values("tokens")
    # This is only one query, because the page needs others too.
    found = TokenCount.objects.filter(**alive).aggregate(tokens=Sum("count"), last=Max("expires_at"), revoked=Max(Subquery(revoked)))
    tokens = (found["tokens"] or 0) - (found["revoked"] or 0)
    return (tokens, found["last"]) if tokens > 0 else (0, None)


def _places(client: Client, credential: str | None, now: datetime) -> list[AddressSummary]:
    uses = addresses_of(client, credential=credential, since=now - PERIOD, now=now, limit=_MAX_ADDRESSES)
    return sorted(uses, key=lambda use: not use.is_new)


def _say_rate(count: int, length: timedelta) -> str:
    """Words such as “is used about twice an hour”, the average over that time."""
    hours = length / timedelta(hours=1)
    if not count:
        return ""
    if hours < 1:
        return f"was used {_say_times(count)} since it was made"
    for unit, per_hour in (("a minute", 60.0), ("an hour", 1.0), ("a day", 1 / 24)):
        if count / hours >= per_hour:
            return f"is used about {_say_times(round(count / hours / per_hour))} {unit}"
    return "is used less than once a day"


def _say_times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number:,} times")
