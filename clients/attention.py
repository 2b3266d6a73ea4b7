"""Which clients of a workspace need attention, and why. Disabled clients are left out, because they can wait."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from itertools import chain
from operator import or_
from typing import Any

from django.db import models
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from clients.disuse import IDLE_AFTER
from clients.models import Client, ClientActivity, ClientSecret, Workspace
from clients.models.credentials import KINDS, AnyCredential
from clients.usage_report import NEW_FOR

# A credential that expires within this time expires soon.
SOON = timedelta(days=14)
# An old secret is still in use if it was used within this time and after a newer one was made.
_STILL = timedelta(hours=24)
# A client has too many refusals if at least one in this many of its requests in 24 hours is refused, and at least a handful in total.
_ONE_IN = 20
_HANDFUL = 10

# Reasons are only counted up to this number.
MAX = 1000


class Kind(models.TextChoices):
    """The kinds of reasons, in the order in which they are shown."""

    ROTATING = "rotating", "Old secret still used"
    EXPIRING = "expiring", "Expiring within 14 days"
    NEW_ADDRESS = "new-address", "New address"
    REFUSED = "refused", "Over 5 % refused"
    UNUSED = "unused", "Unused for 90 days"


@dataclass(frozen=True, slots=True)
class Finding:
    """The most urgent client of one kind with its activity, and the number of clients.

    at: a credential's expiry, the time at which a new address was noticed, or an unused client's last use or creation. credential: the kind of credential that
    expires.
    """

    kind: Kind
    client: Client
    count: int
    at: datetime
    credential: type[AnyCredential] | None


@dataclass(frozen=True, slots=True)
class Attention:
    """count: the number of clients, each counted once. is_more: there are more than MAX reasons, so the counts are too low."""

    count: int
    is_more: bool
    findings: list[Finding]


def needing(kind: Kind, workspace: Workspace, *, now: datetime) -> Q:
    """A condition for clients that need attention for a reason of one kind."""
    return _any(_questions(workspace, now)[kind])


def needing_any(workspace: Workspace, *, now: datetime) -> Q:
    """A condition for clients that need attention for any reason."""
    return _any(chain.from_iterable(_questions(workspace, now).values()))


def _any(parts: Iterable[tuple[QuerySet[Any], object]]) -> Q:
    return reduce(or_, (Q(pk__in=rows.values("client")) for rows, _ in parts))


def find_attention(workspace: Workspace, *, now: datetime) -> Attention:
    """This takes two queries; the second only runs if the first finds something."""
    parts: list[QuerySet[Any, Any]] = []
    meanings: list[tuple[Kind, type[AnyCredential] | None]] = []
    for kind, of_kind in _questions(workspace, now).items():
        for rows, credential in of_kind:
            part = rows.order_by().annotate(part=Value(len(parts), models.IntegerField()))
            parts.append(part.values_list("part", "weight", "at", "client"))
            meanings.append((kind, credential))
    reasons = parts[0].union(*parts[1:], all=True).order_by("part", "weight", "at")[: MAX + 1]
    return _sum_up([(*meanings[part], at, client) for part, _, at, client in reasons])


def _sum_up(reasons: list[tuple[Kind, type[AnyCredential] | None, datetime, int]]) -> Attention:
    first: dict[Kind, tuple[type[AnyCredential] | None, datetime, int]] = {}
    clients: dict[Kind, set[int]] = {}
    for kind, credential, at, client in reasons:
        first.setdefault(kind, (credential, at, client))
        clients.setdefault(kind, set()).add(client)
    named = Client.objects.select_related("activity").in_bulk([client for _, _, client in first.values()]) if first else {}
    findings = [Finding(kind, named[client], len(clients[kind]), at, credential) for kind, (credential, at, client) in first.items() if client in named]
    return Attention(len(set().union(*clients.values())), len(reasons) > MAX, findings)


def _questions(workspace: Workspace, now: datetime) -> dict[Kind, list[tuple[QuerySet[Any], type[AnyCredential] | None]]]:
    """Rows with client, at, weight and the kind of credential. The row with the lowest weight, then the earliest time, is the most urgent."""
    activities = ClientActivity.objects.filter(workspace=workspace, client__status=Client.Status.ENABLED)
    new = activities.filter(new_address_at__gt=now - NEW_FOR, client__environment=Client.Environment.LIVE)
    refused = activities.filter(refused_24h__gte=_HANDFUL, refused_24h__gt=(F("granted_24h") + F("refused_24h")) / _ONE_IN)
    since = now - IDLE_AFTER
    idle = activities.filter(Q(last_used_at__lt=since) | Q(last_used_at__isnull=True, client__created_at__lt=since))
    return {
        Kind.ROTATING: [(_annotate(_old_secrets(workspace, now), F("expires_at")), None)],
        Kind.EXPIRING: [(_annotate(_last_ones(model, workspace, now), F("expires_at")), model) for model in KINDS],
        Kind.NEW_ADDRESS: [(_annotate(new, F("new_address_at")), None)],
        Kind.REFUSED: [(_annotate(refused, F("client__created_at"), weight=-F("refused_24h")), None)],
        Kind.UNUSED: [(_annotate(idle, Coalesce("last_used_at", "client__created_at")), None)],
    }


def _annotate(rows: QuerySet[Any], at: Any, *, weight: Any = None) -> QuerySet[Any]:
    annotated: QuerySet[Any] = rows.annotate(at=at, weight=Value(0, models.BigIntegerField()) if weight is None else weight)
    return annotated


def _ending_soon(model: type[AnyCredential], workspace: Workspace, now: datetime, **of_client: str) -> QuerySet[Any]:
    """Credentials that expire soon, found by an index: a join would begin with all of the workspace's clients."""
    client = Client.objects.filter(pk=OuterRef("client"), workspace=workspace, status=Client.Status.ENABLED, **of_client)
    usable: QuerySet[Any] = model.objects.usable(now)
    return usable.filter(Exists(client), expires_at__lte=now + SOON)


def _old_secrets(workspace: Workspace, now: datetime) -> QuerySet[Any]:
    """Secrets that expire soon and were last used after their successor was made."""
    newer = ClientSecret.objects.usable(now).filter(
        Q(expires_at__isnull=True) | Q(expires_at__gt=OuterRef("expires_at")), client=OuterRef("client"), created_at__lt=OuterRef("last_used_at")
    )
    newer = newer.filter(created_at__gt=OuterRef("created_at"))
    used: QuerySet[Any] = _ending_soon(ClientSecret, workspace, now).filter(Exists(newer), last_used_at__gt=now - _STILL)
    return used


def _last_ones(model: type[AnyCredential], workspace: Workspace, now: datetime) -> QuerySet[Any]:
    """Credentials that expire soon and are their client's last: it has no longer-lived credential, no jwks_uri and no TLS subject."""
    found = _ending_soon(model, workspace, now, jwks_uri="", tls_subject="")
    for other in KINDS:
        longer: QuerySet[Any] = other.objects.ending_after(now + SOON, now=now)
        found = found.exclude(Exists(longer.filter(client=OuterRef("client"))))
    return found
