"""Which clients of a workspace somebody should look at, and why. Only enabled ones: what is switched off can wait."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from clients.disuse import IDLE_AFTER
from clients.models import Client, ClientActivity, ClientSecret, Workspace
from clients.models.credentials import KINDS, AnyCredential
from clients.usage_report import NEW_FOR

# What ends within so long is soon.
SOON = timedelta(days=14)
# An old secret is still used if it was within so long, and since there is a newer one.
_STILL = timedelta(hours=24)
# Of a client's requests in 24 hours: refusals are too many from 1 in so many on, but never fewer than a handful.
_ONE_IN = 20
_HANDFUL = 10

# Reasons are counted up to here.
MOST = 1000

_CredentialModel = type[AnyCredential]


class Kind(models.TextChoices):
    """In the order in which they are said."""

    ROTATING = "rotating", "Old secret still used"
    EXPIRING = "expiring", "Expiring in 14 days"
    NEW_ADDRESS = "new-address", "New address"
    REFUSED = "refused", "Refused over 5 %"
    UNUSED = "unused", "Unused for 90 days"


@dataclass(frozen=True, slots=True)
class Finding:
    """Of one kind: the client where it is most urgent, with its activity, and how many there are.

    at: of a secret or another credential the end, of a new address when it was noticed, of an unused client its last use, or when it was made.
    credential: the kind of what expires.
    """

    kind: Kind
    client: Client
    count: int
    at: datetime
    credential: _CredentialModel | None


@dataclass(frozen=True, slots=True)
class Attention:
    """count: of clients, each once. is_more: there are more than MOST reasons, so that counts are too low."""

    count: int
    is_more: bool
    findings: list[Finding]


def needing(kind: Kind, workspace: Workspace, *, now: datetime) -> Q:
    """A condition for clients."""
    found = Q(pk__in=[])
    for rows, _ in _rows(kind, workspace, now):
        found |= Q(pk__in=rows.values("client"))
    return found


def needing_any(workspace: Workspace, *, now: datetime) -> Q:
    """A condition for clients."""
    found = Q(pk__in=[])
    for kind in Kind:
        found |= needing(kind, workspace, now=now)
    return found


def find_attention(workspace: Workspace, *, now: datetime) -> Attention:
    """In two queries, the second only where there is something."""
    parts: list[QuerySet[Any, Any]] = []
    meanings: list[tuple[Kind, _CredentialModel | None]] = []
    for kind in Kind:
        for rows, credential in _rows(kind, workspace, now):
            part = rows.order_by().annotate(part=Value(len(parts), models.IntegerField()))
            parts.append(part.values_list("part", "weight", "at", "client"))
            meanings.append((kind, credential))
    reasons = parts[0].union(*parts[1:], all=True).order_by("part", "weight", "at")[: MOST + 1]
    return _sum_up([(*meanings[part], at, client) for part, _, at, client in reasons])


def _sum_up(reasons: list[tuple[Kind, _CredentialModel | None, datetime, int]]) -> Attention:
    first: dict[Kind, tuple[_CredentialModel | None, datetime, int]] = {}
    clients: dict[Kind, set[int]] = {}
    for kind, credential, at, client in reasons:
        first.setdefault(kind, (credential, at, client))
        clients.setdefault(kind, set()).add(client)
    named = Client.objects.select_related("activity").in_bulk([client for _, _, client in first.values()]) if first else {}
    findings = [Finding(kind, named[client], len(clients[kind]), at, credential) for kind, (credential, at, client) in first.items() if client in named]
    return Attention(len(set().union(*clients.values())), len(reasons) > MOST, findings)


def _rows(kind: Kind, workspace: Workspace, now: datetime) -> Iterator[tuple[QuerySet[Any], _CredentialModel | None]]:
    """Rows with client, at and weight, and which kind of credential they are of. The least weight, then the earliest moment, is the most urgent."""
    match kind:
        case Kind.ROTATING:
            yield _annotate(_old_secrets(workspace, now), F("expires_at")), None
        case Kind.EXPIRING:
            for model in KINDS:
                yield _annotate(_last_ones(model, workspace, now), F("expires_at")), model
        case Kind.NEW_ADDRESS:
            new = _activities(workspace).filter(new_address_at__gt=now - NEW_FOR, client__environment=Client.Environment.LIVE)
            yield _annotate(new, F("new_address_at")), None
        case Kind.REFUSED:
            refused = _activities(workspace).filter(refused_24h__gte=_HANDFUL, refused_24h__gt=(F("granted_24h") + F("refused_24h")) / _ONE_IN)
            yield _annotate(refused, F("client__created_at"), weight=-F("refused_24h")), None
        case _:  # Kind.UNUSED
            since = now - IDLE_AFTER
            idle = Q(last_used_at__lt=since) | Q(last_used_at__isnull=True, client__created_at__lt=since)
            yield _annotate(_activities(workspace).filter(idle), Coalesce("last_used_at", "client__created_at")), None


def _annotate(rows: QuerySet[Any], at: Any, *, weight: Any = None) -> QuerySet[Any]:
    annotated: QuerySet[Any] = rows.annotate(at=at, weight=Value(0, models.BigIntegerField()) if weight is None else weight)
    return annotated


def _activities(workspace: Workspace) -> QuerySet[ClientActivity]:
    return ClientActivity.objects.filter(workspace=workspace, client__status=Client.Status.ENABLED)


def _ending_soon(model: _CredentialModel, workspace: Workspace, now: datetime, **of_client: str) -> QuerySet[Any]:
    """By their ends, of which an index knows the few: a join would begin at the workspace's clients."""
    client = Client.objects.filter(pk=OuterRef("client"), workspace=workspace, status=Client.Status.ENABLED, **of_client)
    usable: QuerySet[Any] = model.objects.usable(now)
    return usable.filter(Exists(client), expires_at__lte=now + SOON)


def _old_secrets(workspace: Workspace, now: datetime) -> QuerySet[Any]:
    """Those that end soon, are used, and have had a successor for longer than since their last use."""
    newer = ClientSecret.objects.usable(now).filter(
        Q(expires_at__isnull=True) | Q(expires_at__gt=OuterRef("expires_at")), client=OuterRef("client"), created_at__lt=OuterRef("last_used_at")
    )
    newer = newer.filter(created_at__gt=OuterRef("created_at"))
    used: QuerySet[Any] = _ending_soon(ClientSecret, workspace, now).filter(Exists(newer), last_used_at__gt=now - _STILL)
    return used


def _last_ones(model: _CredentialModel, workspace: Workspace, now: datetime) -> QuerySet[Any]:
    """Those that end soon where nothing lasts longer: no other credential, no address of keys, no subject of certificates."""
    found = _ending_soon(model, workspace, now, jwks_uri="", tls_subject="")
    for other in KINDS:
        longer: QuerySet[Any] = other.objects.ending_after(now + SOON, now=now)
        found = found.exclude(Exists(longer.filter(client=OuterRef("client"))))
    return found
