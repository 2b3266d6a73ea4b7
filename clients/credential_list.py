"""All credentials of a client, of all kinds, in one query."""

from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, NamedTuple, cast

from django.db.models import BigIntegerField, Case, CharField, DateTimeField, Exists, F, IntegerField, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Cast

from clients.models import Client, ClientCertificate, ClientPublicKey, ClientSecret
from clients.models.credentials import KINDS, Credential

# PostgreSQL treats a bare NULL in a union as text.
_NO_NUMBER, _NO_MOMENT = Cast(Value(None), BigIntegerField()), Cast(Value(None), DateTimeField())
# For each kind, the names of the columns that other kinds don't have, in the order of _COLUMNS.
_OWN: dict[type[Credential], dict[str, Any]] = {
    ClientSecret: {"label": F("secret_id"), "lifetime_": F("lifetime"), "valid_from_": _NO_MOMENT, "detail": Value("", CharField())},
    ClientPublicKey: {"label": F("kid"), "lifetime_": _NO_NUMBER, "valid_from_": _NO_MOMENT, "detail": F("algorithm")},
    ClientCertificate: {"label": F("thumbprint"), "lifetime_": _NO_NUMBER, "valid_from_": F("valid_from"), "detail": F("subject")},
}
_SHARED = ("pk", "name", "created_at", "created_by", "expires_at", "revoked_at", "last_used_at", "last_used_from")
_COLUMNS = ("has_ended", "kind", "label", "lifetime_", "valid_from_", "detail", *_SHARED)


class CredentialList(NamedTuple):
    """usable: newest first. ended: expired or revoked, newest first. has_more: whether there are more of the ended."""

    usable: list[Credential]
    ended: list[Credential]
    has_more: bool


def credentials_of(client: Client, *, now: datetime, most: int) -> CredentialList:
    """The client's credentials, the expired or revoked ones last. most: the limit. Only the columns that lists show are read: no hash, key or certificate."""
    parts = [_part(number, client, now) for number in range(len(KINDS))]
    rows = list(parts[0].union(*parts[1:], all=True).order_by("has_ended", "-created_at", "kind", "-pk")[: most + 1])
    credentials = [(row[0], _make(client, dict(zip(_COLUMNS[1:], row[1:], strict=True)))) for row in rows[:most]]
    return CredentialList(
        [credential for has_ended, credential in credentials if not has_ended],
        [credential for has_ended, credential in credentials if has_ended],
        len(rows) > most,
    )


def holds_usable(now: datetime) -> Q:
    """A condition for clients that have a usable credential, a jwks_uri or a TLS subject."""
    return Q(jwks_uri__gt="") | Q(tls_subject__gt="") | has_usable_credential(now)


def has_usable_credential(now: datetime) -> Q:
    """A condition for clients that have a usable credential."""
    return reduce(or_, (Q(Exists(cast("QuerySet[Any]", kind.objects.usable(now)).filter(client=OuterRef("pk")))) for kind in KINDS))


def _part(number: int, client: Client, now: datetime) -> Any:
    kind = KINDS[number]
    has_ended = Case(When(Q(revoked_at__isnull=False) | Q(expires_at__lte=now), then=Value(1)), default=Value(0), output_field=IntegerField())
    annotated = kind.objects.filter(client=client).annotate(has_ended=has_ended, kind=Value(number, IntegerField()), **_OWN[kind])
    return annotated.order_by().values_list(*_COLUMNS)


def _make(client: Client, row: dict[str, Any]) -> Credential:
    shared = {name: row[name] for name in _SHARED}
    match KINDS[row["kind"]]:
        case kind if kind is ClientSecret:
            return ClientSecret(client=client, secret_id=row["label"], lifetime=row["lifetime_"], **shared)
        case kind if kind is ClientPublicKey:
            return ClientPublicKey(client=client, kid=row["label"], algorithm=row["detail"], **shared)
    return ClientCertificate(client=client, thumbprint=row["label"], subject=row["detail"], valid_from=row["valid_from_"], **shared)
