"""The effect of a revocation: its time, the number of tokens that stopped working, and later attempts to use the credential."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Sum
from django.urls import reverse
from django.utils.http import urlencode

from clients.models import Client, RecordedRequest, TokenCount
from clients.models.credentials import AnyCredential
from clients.usage_report import AddressSummary, addresses_of
from dashboard.leak.reach import PERIOD
from dashboard.leak.references import Referred
from oauth.models import RevokedToken


@dataclass(frozen=True, slots=True)
class Suspect:
    """An address that was new to the client at the time of the revocation."""

    client: Client
    use: AddressSummary


@dataclass(frozen=True, slots=True)
class Stopped:
    """names: the revoked credentials', each with its client. tokens: the number that stopped working. refused: the number of refused requests since then."""

    at: datetime
    names: list[tuple[str, Client]]
    tokens: int
    refused: int
    suspects: list[Suspect]

    @property
    def clients(self) -> list[Client]:
        return list({client.pk: client for _, client in self.names}.values())


def read(referred: Referred, *, now: datetime) -> Stopped | None:
    """The effect; None if none of the credentials is revoked."""
    credentials = [row for row in referred.credentials if row.revoked_at is not None]
    revoked_tokens = {row.jti: row for row in RevokedToken.objects.filter(jti__in=[token.jti for token in referred.tokens])} if referred.tokens else {}
    tokens = [token for token in referred.tokens if token.jti in revoked_tokens]
    moments = [*(row.revoked_at for row in credentials if row.revoked_at is not None), *(row.revoked_at for row in revoked_tokens.values())]
    if not moments:
        return None
    named = [(f"{row.NOUN} {row}", row.client) for row in credentials] + [("a token", token.client) for token in tokens]
    since = min(moments)
    return Stopped(
        at=max(moments),
        names=named,
        tokens=_count_tokens(credentials, since) + len(tokens),
        refused=_count_refused(credentials, [token.credential_id for token in tokens], named, since),
        suspects=_find_suspects(credentials, now),
    )


def _count_tokens(credentials: list[AnyCredential], since: datetime) -> int:
    """The number of tokens that would have been valid at that moment, without those revoked before. Tokens that expired long ago are no longer counted."""
    if not credentials:
        return 0
    pairs = {(row.client_id, row.credential_id) for row in credentials}
    of_any = {"client__in": {pk for pk, _ in pairs}, "credential__in": {name for _, name in pairs}, "expires_at__gt": since}
    obtained: Counter[tuple[int, str]] = Counter()
    for row in TokenCount.objects.filter(**of_any).values("client_id", "credential").annotate(tokens=Sum("count")).order_by():
        obtained[row["client_id"], row["credential"]] += row["tokens"]
    revoked_before = RevokedToken.objects.filter(**of_any, revoked_at__lt=since).values("client_id", "credential").annotate(tokens=Count("pk")).order_by()
    for row in revoked_before:
        obtained[row["client_id"], row["credential"]] -= row["tokens"]
    return sum(max(0, obtained[pair]) for pair in pairs)


def _count_refused(credentials: list[AnyCredential], of_tokens: list[str], named: list[tuple[str, Client]], since: datetime) -> int:
    names = {*(row.credential_id for row in credentials), *of_tokens}
    clients = {client.pk for _, client in named}
    return RecordedRequest.objects.filter(client__in=clients, credential__in=names, status__gte=400, created_at__gte=since).count()


def _find_suspects(credentials: list[AnyCredential], now: datetime) -> list[Suspect]:
    """The suspects for the first few credentials: a leak is about these."""
    found = []
    for row in credentials[:3]:
        uses = addresses_of(row.client, credential=row.credential_id, since=now - PERIOD, now=now, limit=20)
        found += [Suspect(row.client, use) for use in uses if use.is_new]
    return found


@dataclass(frozen=True, slots=True)
class Task:
    """key: in the URL, once it is ticked off. url: "" if there is no page to open."""

    key: str
    title: str
    link: str = ""
    url: str = ""


def list_tasks(stopped: Stopped) -> list[Task]:
    """The tasks that people still have."""
    slug = stopped.clients[0].workspace.slug
    tasks = []
    for number, client in enumerate(stopped.clients[:5]):
        told = f"{client.contact} that {client.name}" if client.contact else f"the person who runs {client.name} that it"
        tasks.append(
            Task(
                f"tell-{number}",
                f"Tell {told} needs new credentials",
                f"Open {client.name}",
                reverse("client", args=[slug, client.client_id]),
            )
        )
    tasks.append(Task("remove", "Remove it from where you found it, and from the history there"))
    for suspect in stopped.suspects[:5]:
        requests = f"{suspect.use.count:,} request{'' if suspect.use.count == 1 else 's'}"
        query = urlencode({"address": suspect.use.address})
        url = f"{reverse('client_requests', args=[slug, suspect.client.client_id])}?{query}"
        tasks.append(Task(f"look-{suspect.use.address}", f"Look at the {requests} from {suspect.use.address}", "Show requests", url))
    query = urlencode({"client": stopped.clients[0].client_id, "period": "all"})
    tasks.append(Task("export", f"Save the events of {stopped.clients[0].name} for the report", "Show events", f"{reverse('audit', args=[slug])}?{query}"))
    return tasks
