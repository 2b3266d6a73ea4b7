"""The rows of the list of clients: methods, tokens, last use, and the expiry of the last credential."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import DatabaseError
from django.db.models import CharField, Count, F, Max, Min, Q, QuerySet, Value

from clients.attention import SOON
from clients.disuse import IDLE_AFTER
from clients.models import Client, ClientActivity, ClientCertificate, ClientPublicKey, ClientSecret
from clients.models.client import SECRET_METHODS
from clients.usage_report import granted_by_hour

HOURS = 24
SCOPES_SHOWN = 3

logger = logging.getLogger("tokenos.dashboard")

_Method = Client.AuthMethod
_CERTIFICATE_METHODS = frozenset({_Method.TLS_CLIENT_AUTH, _Method.SELF_SIGNED_TLS_CLIENT_AUTH})


@dataclass(frozen=True, slots=True)
class Holding:
    """A client's credentials of one kind. first_end, last_end: of the usable ones that expire. detail: the algorithm of all usable keys, or the subject of all
    usable certificates, "" if they differ.
    """

    kind: str
    usable: int = 0
    endless: int = 0
    first_end: datetime | None = None
    last_end: datetime | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Expiry:
    """The time after which the client can get no more tokens. at: None if there is no end, or no credential that could expire.

    is_endless: it has a secret that never expires. old_at: the expiry of an old secret that expires soon while others keep working. kind: the kind of the last
    credential to expire.
    """

    at: datetime | None = None
    is_endless: bool = False
    is_soon: bool = False
    old_at: datetime | None = None
    kind: str = ""

    @property
    def needs_care(self) -> bool:
        return self.is_soon or self.is_endless or self.old_at is not None


@dataclass(frozen=True, slots=True)
class ClientRow:
    """spark: tokens in each of the last hours, None if they can't be read. is_idle: it hasn't been used for a long time."""

    client: Client
    method: str
    method_detail: str
    activity: ClientActivity
    spark: list[int] | None
    expiry: Expiry
    is_idle: bool

    @property
    def more_scopes(self) -> int:
        return max(0, len(self.client.scopes) - SCOPES_SHOWN)


def describe_clients(clients: Sequence[Client], *, now: datetime) -> list[ClientRow]:
    """This takes two queries for any number of clients. clients: with their activity."""
    keys = [client.pk for client in clients]
    holdings = _find_holdings(keys, now=now) if keys else {}
    sparks = _find_sparks(keys, now=now) if keys else {}
    rows = []
    for client in clients:
        activity = client.activity
        held = {holding.kind: holding for holding in holdings.get(client.pk, ())}
        expiry = _find_expiry(client, held, now=now)
        rows.append(
            ClientRow(
                client,
                say_methods(client),
                _say_detail(client, held, is_rotating=expiry.old_at is not None),
                activity,
                None if sparks is None else sparks[client.pk],
                expiry,
                (activity.last_used_at or client.created_at) < now - IDLE_AFTER,
            )
        )
    return rows


def say_methods(client: Client) -> str:
    """The client's methods in words: “Secret, signed assertion”."""
    methods = set(client.auth_methods)
    words = []
    if methods.intersection(SECRET_METHODS):
        words.append("secret")
    if _Method.PRIVATE_KEY_JWT in methods:
        words.append("signed assertion")
    if methods & _CERTIFICATE_METHODS:
        words.append("mutual TLS")
    text = ", ".join(words)
    return text[:1].upper() + text[1:]


def _say_detail(client: Client, held: dict[str, Holding], *, is_rotating: bool) -> str:
    parts = []
    methods = set(client.auth_methods)
    if methods.intersection(SECRET_METHODS):
        secrets = held.get("secret", Holding("secret"))
        parts += [f"{secrets.usable} valid" if secrets.usable else "none valid", *(["rotating"] if is_rotating else [])]
    if _Method.PRIVATE_KEY_JWT in methods:
        keys = held.get("key", Holding("key"))
        if keys.usable or not client.jwks_uri:
            parts.append(f"{keys.usable} key{'' if keys.usable == 1 else 's'}" if keys.usable else "no key")
        parts += ["jwks_uri"] if client.jwks_uri else []
        parts += [keys.detail] if keys.detail else []
    if methods & _CERTIFICATE_METHODS:
        parts.append(client.tls_subject or held.get("certificate", Holding("certificate")).detail or _count_certificates(held))
    return ", ".join([*parts, *(["DPoP"] if client.require_dpop else [])])


def _count_certificates(held: dict[str, Holding]) -> str:
    count = held["certificate"].usable if "certificate" in held else 0
    return f"{count} certificate{'' if count == 1 else 's'}" if count else "no certificate"


def _find_expiry(client: Client, held: dict[str, Holding], *, now: datetime) -> Expiry:
    secrets = held.get("secret", Holding("secret"))
    usable = [holding for holding in held.values() if holding.usable]
    if client.status == Client.Status.DISABLED or not usable:
        return Expiry()
    # A client with a jwks_uri or a TLS subject doesn't depend on the credentials stored here.
    is_endless = bool(client.jwks_uri or client.tls_subject or any(holding.endless for holding in usable))
    last = max((holding for holding in usable if holding.last_end), key=lambda holding: holding.last_end or now, default=None)
    at = None if is_endless or last is None else last.last_end
    old_at = None
    if secrets.usable > 1 and secrets.first_end is not None and secrets.first_end <= now + SOON and (secrets.endless or secrets.first_end != secrets.last_end):
        old_at = secrets.first_end
    return Expiry(
        at,
        is_endless=is_endless and bool(secrets.endless),
        is_soon=at is not None and at <= now + SOON,
        old_at=old_at,
        kind=last.kind if at is not None and last is not None else "",
    )


def _find_holdings(clients: Sequence[int], *, now: datetime) -> dict[int, list[Holding]]:
    parts: list[QuerySet[Any, Any]] = [
        _sum_up(ClientSecret.objects.usable(now), "secret", Value("", CharField()), clients),
        _sum_up(ClientPublicKey.objects.usable(now), "key", F("algorithm"), clients),
        _sum_up(ClientCertificate.objects.usable(now), "certificate", F("subject"), clients),
    ]
    found: dict[int, list[Holding]] = {}
    for client, kind, usable, endless, first_end, last_end, least, most in parts[0].union(*parts[1:], all=True):
        found.setdefault(client, []).append(Holding(kind, usable, endless, first_end, last_end, least if least == most else ""))
    return found


def _sum_up(usable: QuerySet[Any], kind: str, detail: Any, clients: Sequence[int]) -> QuerySet[Any, Any]:
    grouped = usable.filter(client__in=clients).order_by().values("client_id").annotate(kind=Value(kind, CharField()), usable=Count("pk"))
    sums = {
        "endless": Count("pk", filter=Q(expires_at__isnull=True)),
        "first_end": Min("expires_at"),
        "last_end": Max("expires_at"),
        "least": Min(detail),
        "most": Max(detail),
    }
    summed: QuerySet[Any, Any] = grouped.annotate(**sums)
    return summed.values_list("client_id", "kind", "usable", *sums)


def _find_sparks(clients: Sequence[int], *, now: datetime) -> dict[int, list[int]] | None:
    """The tokens per hour. None if usage can't be read: the list is useful without it."""
    try:
        return granted_by_hour(clients, hours=HOURS, now=now)
    except DatabaseError:
        logger.exception("Clients' usage can't be read")
        return None
