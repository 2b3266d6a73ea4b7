"""What should be tidied up in a workspace: clients and secrets that nobody uses, that never end, or that allow more than they need to.

Each question is one query by an index, for a page asks all of them at once. dashboard.clients.hygiene.words has their words,
clients.services.hygiene the fixes.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, models
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.expressions import RawSQL

from clients.credential_list import has_usable_credential
from clients.disuse import IDLE_AFTER, status_set_since
from clients.models import Client, ClientSecret, ScopeUse, Workspace
from clients.policy import ClientPolicy

NEVER_USED_AFTER = timedelta(days=30)
# A secret beside one that is in use.
SILENT_AFTER = timedelta(days=14)
OLD_AFTER = timedelta(days=365)
SCOPES_ASKED_WITHIN = timedelta(days=30)
# A new client is allowed the body by default, until its owner knows what its program does.
BODY_AFTER = timedelta(days=30)
DISABLED_FOR = timedelta(days=90)
# What a fix leaves to those who use a secret.
TIME_TO_ROTATE = timedelta(days=30)
NEW_END = timedelta(days=90)


class Kind(models.TextChoices):
    """In the order in which they are told."""

    SILENT = "silent-secrets"
    NO_END = "secrets-without-end"
    OLD = "old-secrets"
    NEVER_USED = "never-used"
    IDLE = "idle"
    SCOPES = "unused-scopes"
    BODY = "secret-in-body"
    DISABLED = "disabled"

    @property
    def is_of_secrets(self) -> bool:
        return self in (Kind.SILENT, Kind.NO_END, Kind.OLD)

    @property
    def thing(self) -> str:
        return "secret" if self.is_of_secrets else "client"

    def count_things(self, count: int) -> str:
        """“1 secret”, “2,345 secrets”."""
        return f"{count:,} {self.thing}{'' if count == 1 else 's'}"


# Which field of a client allows more than it needs.
NARROWED = {Kind.SCOPES: "scopes", Kind.BODY: "auth_methods"}


def find(kind: Kind, workspace: Workspace, *, now: datetime) -> QuerySet[Any]:
    """Its clients, or its secrets, in the order in which they were made."""
    found: QuerySet[Any]
    if kind.is_of_secrets:
        found = _find_secrets(kind, workspace, now)
    elif kind is Kind.DISABLED:
        found = _find_disabled(workspace, now)
    else:
        found = _find_enabled(kind, workspace, now)
    return found.order_by("pk")


def count_all(workspace: Workspace, *, now: datetime) -> dict[Kind, int]:
    """In one query."""
    parts = [
        find(kind, workspace, now=now).order_by().annotate(part=Value(number)).values("part").annotate(found=Count("pk")).values_list("part", "found")
        for number, kind in enumerate(Kind)
    ]
    counted = dict(parts[0].union(*parts[1:], all=True))
    return {kind: counted.get(number, 0) for number, kind in enumerate(Kind)}


def oldest_allowed(workspace: Workspace) -> timedelta:
    """Up to what age a secret isn't too old: what the workspace demands, or a year."""
    return min(ClientPolicy.of(workspace).longest_secret_lifetime or OLD_AFTER, OLD_AFTER)


def new_end(kind: Kind, workspace: Workspace, *, now: datetime) -> datetime:
    """What a secret gets that is found: time enough to rotate it, as far as the workspace allows."""
    return now + (TIME_TO_ROTATE if kind is Kind.OLD else min(ClientPolicy.of(workspace).longest_secret_lifetime or NEW_END, NEW_END))


def _find_secrets(kind: Kind, workspace: Workspace, now: datetime) -> QuerySet[ClientSecret]:
    secrets = ClientSecret.objects.usable(now).filter(client__workspace=workspace)
    match kind:
        case Kind.NO_END:
            return secrets.filter(expires_at__isnull=True)
        case Kind.OLD:
            late = Q(expires_at__isnull=True) | Q(expires_at__gt=now + TIME_TO_ROTATE)
            return secrets.filter(late, created_at__lt=now - oldest_allowed(workspace))
        case _:  # Kind.SILENT
            since = now - SILENT_AFTER
            in_use = ClientSecret.objects.usable(now).filter(client=OuterRef("client"), last_used_at__gte=since).exclude(pk=OuterRef("pk"))
            silent = Q(last_used_at__isnull=True) | Q(last_used_at__lt=since)
            return secrets.filter(silent, Exists(in_use), created_at__lt=since)


def _find_enabled(kind: Kind, workspace: Workspace, now: datetime) -> QuerySet[Client]:
    clients = Client.objects.filter(workspace=workspace, status=Client.Status.ENABLED)
    match kind:
        case Kind.NEVER_USED:
            return clients.filter(created_at__lt=now - NEVER_USED_AFTER, activity__last_used_at__isnull=True)
        case Kind.IDLE:
            return clients.filter(~status_set_since(Client.Status.ENABLED, now - IDLE_AFTER), activity__last_used_at__lt=now - IDLE_AFTER)
        case Kind.BODY:
            if Client.AuthMethod.CLIENT_SECRET_BASIC in ClientPolicy.of(workspace).forbidden_auth_methods:
                return clients.none()
            both = (Client.AuthMethod.CLIENT_SECRET_BASIC.value, Client.AuthMethod.CLIENT_SECRET_POST.value)
            return clients.filter(*(Q(auth_methods__has_element=method) for method in both), created_at__lt=now - BODY_AFTER)
        case _:  # Kind.SCOPES
            long_enough = clients.filter(created_at__lt=now - SCOPES_ASKED_WITHIN, activity__granted_30d__gt=0)
            # Few have a scope too many, so the question whether they name any comes after.
            return long_enough.filter(_HasUnaskedScope(workspace, now=now), Exists(_asked(OuterRef("pk"), now)))


def _find_disabled(workspace: Workspace, now: datetime) -> QuerySet[Client]:
    """For long, and with credentials that would work again at once."""
    since = now - DISABLED_FOR
    disabled = Client.objects.filter(workspace=workspace, status=Client.Status.DISABLED, created_at__lt=since)
    return disabled.filter(has_usable_credential(now), ~status_set_since(Client.Status.DISABLED, since))


def _asked(client: Any, now: datetime) -> QuerySet[ScopeUse]:
    return ScopeUse.objects.filter(client=client, day__gte=(now - SCOPES_ASKED_WITHIN).date(), asked__gt=0)


class _HasUnaskedScope(RawSQL):
    """The ORM can't look into a JSON list. Its index leads from a client and a scope to the days, so that one row is read for each scope that is in use.

    PostgreSQL takes long for that, so it first drops what was asked for since yesterday, which is most of it. LIMIT keeps it from joining the rest with all
    that was ever asked for.
    """

    conditional = True

    def __init__(self, workspace: Workspace, *, now: datetime) -> None:
        use, client = ScopeUse._meta.db_table, Client._meta.db_table
        since, yesterday = (now - SCOPES_ASKED_WITHIN).date(), (now - timedelta(days=1)).date()
        asked = f"SELECT 1 FROM {use} u WHERE u.client_id = held.id AND u.scope = held.scope AND u.day >= %s AND u.asked > 0"  # noqa: S608  # only names of our own are put in
        if connection.vendor == "postgresql":
            all_held = f"SELECT c.id, scope FROM {client} c, jsonb_array_elements_text(c.scopes) scope WHERE c.workspace_id = %s"  # noqa: S608  # the same
            lately = f"SELECT client_id, scope FROM {use} WHERE day >= %s AND asked > 0"  # noqa: S608  # the same
            unasked = f"SELECT held.id FROM ({all_held} EXCEPT {lately}) held WHERE ({asked} LIMIT 1) IS NULL"  # noqa: S608  # the same
            super().__init__(f"{client}.id IN ({unasked})", [workspace.pk, yesterday, since], models.BooleanField())
        else:
            held = f"SELECT {client}.id, value AS scope FROM json_each({client}.scopes)"  # noqa: S608  # the same
            super().__init__(f"EXISTS (SELECT 1 FROM ({held}) held WHERE NOT EXISTS ({asked}))", [since], models.BooleanField())  # noqa: S608  # the same


def narrow(kind: Kind, clients: Iterable[Client], *, now: datetime) -> dict[int, list[str]]:
    """Of each, by its primary key, what the field NARROWED[kind] keeps. At most one query."""
    listed = list(clients)
    if kind is Kind.BODY:
        return {client.pk: [method for method in client.auth_methods if method != Client.AuthMethod.CLIENT_SECRET_POST] for client in listed}
    asked: defaultdict[int, set[str]] = defaultdict(set)
    rows = ScopeUse.objects.filter(client__in=listed, day__gte=(now - SCOPES_ASKED_WITHIN).date(), asked__gt=0)
    for client, scope in rows.order_by().values_list("client_id", "scope").distinct():
        asked[client].add(scope)
    return {client.pk: [scope for scope in client.scopes if scope in asked[client.pk]] for client in listed}
