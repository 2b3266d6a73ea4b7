"""The rows of a client's credentials on its page: kind, maker, last use, expiry and possible actions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from clients.models import Client, ClientSecret
from clients.models.credentials import Credential
from clients.places_of_use import Place
from dashboard.people.actors import Names, describe


@dataclass(frozen=True, slots=True)
class Act:
    """more: text for screen readers, which may read the button alone."""

    label: str
    more: str
    url: str


@dataclass(frozen=True, slots=True)
class CredentialRow:
    """label: its ID. name: as its maker named it. tag, tone: its state, "" if it is usable. detail: an algorithm or a subject.

    granted: the number of granted requests in 24 hours.
    """

    kind: str
    label: str
    name: str
    detail: str
    tag: str
    tone: str
    created_at: datetime | None
    made_by: str
    last_used_at: datetime | None
    last_used_from: str
    granted: int
    ends_at: datetime | None
    acts: tuple[Act, ...]


@dataclass(frozen=True, slots=True)
class Background:
    """Further data about the client's credentials. overlaps: from clients.overlap. granted: the number of granted requests in 24 hours, by credential."""

    overlaps: Mapping[str, datetime]
    granted: Mapping[str, int]
    names: Names
    may_write: bool
    now: datetime


def describe_credentials(credentials: Iterable[Credential], *, client: Client, known: Background) -> list[CredentialRow]:
    rows = []
    for credential in credentials:
        tag, tone = _tag(credential, known.overlaps, known.now)
        rows.append(
            CredentialRow(
                kind=credential.NOUN.capitalize(),
                label=str(credential),
                name=credential.name,
                detail="" if isinstance(credential, ClientSecret) else getattr(credential, "algorithm", "") or getattr(credential, "subject", ""),
                tag=tag,
                tone=tone,
                created_at=credential.created_at,
                made_by=_say_maker(credential.created_by, known.names),
                last_used_at=credential.last_used_at,
                last_used_from=credential.last_used_from or "",
                granted=known.granted.get(credential.credential_id, 0),
                ends_at=credential.revoked_at or credential.expires_at,
                acts=tuple(_acts(credential, client, known.overlaps)) if known.may_write and credential.is_usable(known.now) else (),
            )
        )
    return rows


def describe_sources(client: Client, *, places: Sequence[Place], known: Background) -> list[CredentialRow]:
    """The client's credentials without a row: the keys at its jwks_uri, and the subject of its certificates. places: the client's, the most recently used
    first.
    """
    sources = (("Keys at its jwks_uri", client.jwks_uri, "jwks_uri:"), ("Certificates by subject", client.tls_subject, "tls_subject:"))
    return [_describe_source(client, kind, label, prefix, places, known) for kind, label, prefix in sources if label]


def _describe_source(client: Client, kind: str, label: str, prefix: str, places: Sequence[Place], known: Background) -> CredentialRow:
    last = next((place for place in places if place.credential.startswith(prefix)), None)
    settings = reverse("client_settings", args=[client.workspace.slug, client.client_id])
    return CredentialRow(
        kind=kind,
        label=label,
        name="",
        detail="",
        tag="",
        tone="",
        created_at=None,
        made_by="",
        last_used_at=last.last_used_at if last else None,
        last_used_from=last.address if last else "",
        granted=sum(count for credential, count in known.granted.items() if credential.startswith(prefix)),
        ends_at=None,
        acts=(Act("Change", f" {kind.lower()}", settings),) if known.may_write else (),
    )


def _say_maker(created_by: str, names: Names) -> str:
    who = describe(created_by, names)
    return f"{who.name} {who.way}".strip()


def _tag(credential: Credential, overlaps: Mapping[str, datetime], now: datetime) -> tuple[str, str]:
    if credential.revoked_at is not None:
        return "Revoked", "bad"
    if not credential.is_usable(now):
        return "Ended", ""
    if not overlaps or not isinstance(credential, ClientSecret):
        return "", ""
    return ("Old", "warn") if credential.secret_id in overlaps else ("New", "ok")


def _acts(credential: Credential, client: Client, overlaps: Mapping[str, datetime]) -> Iterable[Act]:
    slug, client_id = client.workspace.slug, client.client_id
    if credential.credential_id in overlaps:
        yield Act("Extend overlap", f" of secret {credential}", reverse("secret_extend", args=[slug, client_id, str(credential)]))
        yield Act("End now", f": secret {credential}", reverse("secret_end", args=[slug, client_id, str(credential)]))
        return
    yield Act("Revoke", f" {credential.NOUN} {credential}", reverse(f"{credential.SHORT_NAME}_revoke", args=[slug, client_id, str(credential)]))
