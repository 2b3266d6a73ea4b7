"""The content of a client's page: whether the client works, who uses it, and what to do next."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from clients.audience import find_refused
from clients.credential_list import CredentialList, holds_usable
from clients.models import Client, ClientSecret
from clients.models.credentials import Credential
from clients.places_of_use import Place
from clients.policy import ClientPolicy
from dashboard.client.credentials.table import Background

# If the old secret was unused for this share of the overlap at its end, it isn't needed any more.
SILENT_SHARE = 0.25
MAX_PLACES = 5
_MAX_DRAWN = 8


@dataclass(frozen=True, slots=True)
class Standing:
    """word: the client's state, in the head of its pages. tone: a class in app.css."""

    word: str
    tone: str


@dataclass(frozen=True, slots=True)
class Overlap:
    """An old secret beside a newer one. places: where it was used since then, the most recent first. granted: requests in 24 hours. is_silent: whether it is no
    longer needed.
    """

    secret: ClientSecret
    since: datetime
    places: list[Place]
    has_more_places: bool
    granted: int
    is_silent: bool
    silent_since: datetime

    @property
    def count(self) -> int:
        return len(self.places)


@dataclass(frozen=True, slots=True)
class Share:
    """An address, its share of all requests, and when it was last used."""

    address: str
    percent: str
    last_used_at: datetime
    is_new: bool


def find_standing(client: Client, credentials: CredentialList) -> Standing:
    return _standing(client, has_credential=bool(credentials.usable or client.jwks_uri or client.tls_subject))


def ask_standing(client: Client, *, now: datetime) -> Standing:
    """The client's standing, for pages that don't list its credentials, in one query."""
    return _standing(client, has_credential=Client.objects.filter(holds_usable(now), pk=client.pk).exists())


def _standing(client: Client, *, has_credential: bool) -> Standing:
    if client.status == Client.Status.DISABLED:
        return Standing("Disabled", "off")
    return Standing("Active", "ok") if has_credential else Standing("No working credential", "bad")


def forbidden_methods(client: Client) -> list[str]:
    """The client's methods that the workspace no longer allows."""
    return [method for method in client.auth_methods if method in ClientPolicy.of(client.workspace).forbidden_auth_methods]


def refused_audiences(client: Client) -> tuple[str, ...]:
    """The client's audiences that its tokens can't be for."""
    return find_refused(client.audiences, client.withheld_audiences, workspace=client.workspace.slug, issuer=settings.ISSUER_URL)


def describe_overlaps(secrets: Iterable[ClientSecret], places: Sequence[Place], known: Background) -> list[Overlap]:
    """secrets: the usable ones. places: the client's. The earliest expiry comes first."""
    found = []
    for secret in secrets:
        since = known.overlaps.get(secret.secret_id)
        if since is None or secret.expires_at is None:
            continue
        still = [place for place in places if place.credential == secret.secret_id and place.last_used_at >= since]
        silent_since = max((place.last_used_at for place in still), default=since)
        found.append(
            Overlap(
                secret=secret,
                since=since,
                places=still[:MAX_PLACES],
                has_more_places=len(still) > MAX_PLACES,
                granted=known.granted.get(secret.secret_id, 0),
                is_silent=known.now - silent_since >= SILENT_SHARE * (secret.expires_at - since),
                silent_since=silent_since,
            )
        )
    return sorted(found, key=lambda overlap: overlap.secret.expires_at or known.now)


def share_out(places: Iterable[Place]) -> list[Share]:
    """The shares by address, the most used first."""
    counts: dict[str, int] = {}
    last: dict[str, Place] = {}
    for place in places:
        counts[place.address] = counts.get(place.address, 0) + place.count
        # They are sorted by their last use.
        last.setdefault(place.address, place)
    total = sum(counts.values())
    most = sorted(counts.items(), key=lambda item: -item[1])
    return [
        Share(address, f"{100 * count / total:.1f}".removesuffix(".0"), last[address].last_used_at, last[address].is_new) for address, count in most if total
    ]


def drawn(credentials: CredentialList) -> list[Credential]:
    """The credentials in the picture: the usable ones, or else those that ended last."""
    return credentials.usable[:_MAX_DRAWN] or credentials.ended[:1]


def last_end(credentials: CredentialList) -> datetime | None:
    """The time at which a client lost its last credential."""
    return max((ended for row in credentials.ended if (ended := row.revoked_at or row.expires_at)), default=None)
