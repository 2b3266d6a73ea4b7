"""Queries for a workspace's audit events: by filters, for one client, and page by page.

Each query uses an index (clients.models.AuditEvent), so that a log with a million events is as quick as an empty one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address

from django.db import connection
from django.db.models import Q, QuerySet

from clients.models import AuditEvent, Client, ClientSecret, Workspace
from clients.models.credentials import KINDS
from dashboard.models import User

PAGE = 50
# Counting further takes too long, so pages show “more than 10,000”.
MAX_COUNTED = 10_000
MAX_CLIENTS_FOUND = 50
# The maximum number of email addresses that one person may have had.
MAX_NAMES = 20
_TARGETS = ("client", "secret", "public_key", "certificate", "scope", "audience", "user", "invitation", "workspace", "token")

Events = QuerySet[AuditEvent]


@dataclass(frozen=True, slots=True)
class Filters:
    """The requested filters; "" and None match anything.

    text: a client's name or a part of it, or a whole client ID, credential ID, address, request ID or email address. actor: "user:7", "client:<client_id>",
    "system"; or "client", "command" or "hand-over" for all of that kind. event: the event's name. client: a client_id. since, until: bounds of created_at,
    until excluded.
    """

    text: str = ""
    actor: str = ""
    event: str = ""
    client: str = ""
    address: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """events: newest first. newer, older: the values for the neighbouring pages' URLs, None if there is none."""

    events: Sequence[AuditEvent]
    newer: int | None
    older: int | None


def of_workspace(workspace: Workspace) -> Events:
    return AuditEvent.objects.filter(workspace=workspace)


def of_client(client: Client) -> Events:
    """Events of the client and its credentials."""
    return of_workspace(client.workspace).filter(_any(_about([client.client_id], client.workspace)))


def find(workspace: Workspace, filters: Filters) -> Events:
    found = of_workspace(workspace)
    if filters.actor:
        found = found.filter(_by(filters.actor, workspace))
    if filters.event:
        found = found.filter(event=filters.event)
    if filters.address:
        found = found.filter(address=filters.address)
    if filters.client:
        found = found.filter(_any(_about([filters.client], workspace)))
    if filters.since:
        found = found.filter(created_at__gte=filters.since)
    if filters.until:
        found = found.filter(created_at__lt=filters.until)
    return found.filter(_any(_matching(filters.text, workspace))) if filters.text else found


def by_person_on_day(event: AuditEvent, workspace: Workspace, *, begins: datetime) -> Events:
    """The other events of the event's actor within 24 hours."""
    same_day = of_workspace(workspace).filter(created_at__gte=begins, created_at__lt=begins + timedelta(days=1))
    return same_day.filter(actor=event.actor).exclude(pk=event.pk)


def of_request(event: AuditEvent, workspace: Workspace) -> Events:
    """The other events of the event's request; none if it has no request."""
    if not event.request_id:
        return AuditEvent.objects.none()
    return of_workspace(workspace).filter(request_id=event.request_id).exclude(pk=event.pk)


def up_to_now(events: Events) -> Events:
    """The existing events, without those that are written from now on."""
    newest = AuditEvent.objects.order_by("-pk").values_list("pk", flat=True).first()
    return events.filter(pk__lte=newest or 0)


def count(events: Events) -> int:
    """The number of events, at most one more than MAX_COUNTED."""
    return events.order_by()[: MAX_COUNTED + 1].count()


def paginate(events: Events, *, after: str = "", before: str = "", size: int = PAGE) -> Page:
    """after, before: the ID of the last event on the neighbouring page, as in the URL; anything else leads to the first page."""
    if is_id(before):
        rows = list(events.filter(pk__gt=int(before)).order_by("pk")[: size + 1])
        has_newer, rows = len(rows) > size, rows[:size][::-1]
        if rows:
            return Page(rows, rows[0].pk if has_newer else None, rows[-1].pk)
    beyond = events.filter(pk__lt=int(after)) if is_id(after) else events
    rows = list(beyond.order_by("-pk")[: size + 1])
    has_older, rows = len(rows) > size, rows[:size]
    return Page(rows, rows[0].pk if rows and is_id(after) else None, rows[-1].pk if has_older else None)


def is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19


def _by(actor: str, workspace: Workspace) -> Q:
    kind, _, name = actor.partition(":")
    if kind == "user":
        # There is hardly ever more than one. For a single name, the index has the events in the order of the page.
        names = list(of_workspace(workspace).filter(_begins(f"user:{name} ")).order_by().values_list("actor", flat=True).distinct()[:MAX_NAMES])
        return Q(actor=names[0]) if len(names) == 1 else Q(actor__in=names)
    return Q(actor=actor) if name or kind == "system" else _begins(f"{kind}:")


def _begins(prefix: str) -> Q:
    """PostgreSQL uses its index for LIKE. SQLite needs a range, because its index only matches its own character order."""
    begins = Q(actor__startswith=prefix)
    if connection.vendor == "sqlite":
        begins &= Q(actor__gte=prefix, actor__lt=prefix[:-1] + chr(ord(prefix[-1]) + 1))
    return begins


def _any(parts: Iterable[Q]) -> Q:
    """Each part uses its own index. With OR, SQLite would read the whole log from its end until a page is full."""
    first, *rest = [AuditEvent.objects.filter(part).order_by().values("pk") for part in parts]
    return Q(pk__in=first.union(*rest))


def _about(client_ids: Sequence[str], workspace: Workspace) -> list[Q]:
    of_these = {"client__client_id__in": client_ids, "client__workspace": workspace}
    parts = [Q(target_type="client", target_id__in=client_ids)]
    for kind in KINDS:
        # Other clients may have keys with the same name.
        narrowed = {} if kind is ClientSecret else {"after__client_id__in": client_ids}
        parts.append(Q(target_type=kind.TARGET_TYPE, target_id__in=kind._default_manager.filter(**of_these).values(kind.ID_FIELD), **narrowed))
    for target_type, ids in _deleted_with(client_ids, workspace).items():
        parts.append(Q(target_type=target_type, target_id__in=ids, after__client_id__in=client_ids))
    return parts


def deletions(client_ids: Sequence[str], workspace: Workspace) -> Events:
    """The deletion events of deleted clients. They contain the clients' credentials."""
    return of_workspace(workspace).filter(target_type="client", target_id__in=client_ids, event="client.deleted")


def _deleted_with(client_ids: Sequence[str], workspace: Workspace) -> dict[str, list[str]]:
    """The IDs of credentials that were deleted with their clients, by target type."""
    gone: dict[str, list[str]] = {}
    for before in deletions(client_ids, workspace).order_by().values_list("before", flat=True):
        for kind in KINDS:
            ids = before.get(f"{kind.TARGET_TYPE}s")
            if isinstance(ids, list):
                gone.setdefault(kind.TARGET_TYPE, []).extend(ids)
    return gone


def _matching(text: str, workspace: Workspace) -> list[Q]:
    found = [Q(target_type__in=_TARGETS, target_id=text[:254]), Q(request_id=text[:128])]
    clients = Client.objects.filter(Q(client_id=text) | Q(name__icontains=text), workspace=workspace).values_list("client_id", flat=True)
    client_ids = list(clients[:MAX_CLIENTS_FOUND])
    if client_ids or deletions([text], workspace).exists():
        found += _about([*client_ids, text], workspace)
    if address := _read_address(text):
        found.append(Q(workspace=workspace, address=address))
    person = User.objects.filter(email=text.lower()).first() if "@" in text else None
    if person is not None:
        found += [Q(workspace=workspace) & _begins(f"user:{person.pk} "), Q(target_type="user", target_id=person.audit_name[:254])]
    return found


def _read_address(text: str) -> str:
    """The address in its usual spelling; "" if it isn't an address."""
    try:
        return str(ip_address(text))
    except ValueError:
        return ""
