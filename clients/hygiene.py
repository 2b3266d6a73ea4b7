"""Finds things to tidy up in a workspace: clients and secrets that are unused, never expire, or allow more than they need.

Each check is one query by an index, because a page runs all of them at once. dashboard.clients.hygiene.words has the texts,
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
# A secret beside another that is in use counts as unused after this time.
SILENT_AFTER = timedelta(days=14)
OLD_AFTER = timedelta(days=365)
SCOPES_ASKED_WITHIN = timedelta(days=30)
# A new client may send its secret in the body by default. This is how long its owner has to find out what the program does.
BODY_AFTER = timedelta(days=30)
DISABLED_FOR = timedelta(days=90)
# The time that a fix leaves to the programs that use a secret.
TIME_TO_ROTATE = timedelta(days=30)
NEW_END = timedelta(days=90)


class Kind(models.TextChoices):
    """The kinds of findings, in the order in which they are shown."""

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
        """Such as “1 secret” or “2,345 secrets”."""
        return f"{count:,} {self.thing}{'' if count == 1 else 's'}"


# The field of a client that allows more than it needs.
NARROWED = {Kind.SCOPES: "scopes", Kind.BODY: "auth_methods"}


def questions(workspace: Workspace, *, now: datetime) -> dict[Kind, QuerySet[Any]]:
    """The query for each kind's clients or secrets. It runs when the caller reads it."""
    secrets = ClientSecret.objects.usable(now).filter(client__workspace=workspace)
    silent_since, disabled_since, idle_since = now - SILENT_AFTER, now - DISABLED_FOR, now - IDLE_AFTER
    in_use = ClientSecret.objects.usable(now).filter(client=OuterRef("client"), last_used_at__gte=silent_since).exclude(pk=OuterRef("pk"))
    silent = Q(last_used_at__isnull=True) | Q(last_used_at__lt=silent_since)
    enabled, disabled = (Client.objects.filter(workspace=workspace, status=status) for status in (Client.Status.ENABLED, Client.Status.DISABLED))
    by_basic = Q(auth_methods__has_element=Client.AuthMethod.CLIENT_SECRET_BASIC.value)
    if Client.AuthMethod.CLIENT_SECRET_BASIC in ClientPolicy.of(workspace).forbidden_auth_methods:
        by_basic = Q(pk__in=[])
    return {
        Kind.SILENT: secrets.filter(silent, Exists(in_use), created_at__lt=silent_since),
        Kind.NO_END: secrets.filter(expires_at__isnull=True),
        Kind.OLD: secrets.ending_after(now + TIME_TO_ROTATE, now=now).filter(created_at__lt=now - oldest_allowed(workspace)),
        Kind.NEVER_USED: enabled.filter(created_at__lt=now - NEVER_USED_AFTER, activity__last_used_at__isnull=True),
        Kind.IDLE: enabled.filter(~status_set_since(Client.Status.ENABLED, idle_since), activity__last_used_at__lt=idle_since),
        # Few clients have an unneeded scope, so whether they name scopes is asked afterwards.
        Kind.SCOPES: enabled.filter(created_at__lt=now - SCOPES_ASKED_WITHIN, activity__granted_30d__gt=0).filter(
            _HasUnaskedScope(workspace, now=now), Exists(_asked(OuterRef("pk"), now))
        ),
        Kind.BODY: enabled.filter(by_basic, auth_methods__has_element=Client.AuthMethod.CLIENT_SECRET_POST.value, created_at__lt=now - BODY_AFTER),
        # If such a client is enabled, its credentials work again at once.
        Kind.DISABLED: disabled.filter(has_usable_credential(now), ~status_set_since(Client.Status.DISABLED, disabled_since), created_at__lt=disabled_since),
    }


def find(kind: Kind, workspace: Workspace, *, now: datetime) -> QuerySet[Any]:
    """The rows, in the order in which they were made."""
    return questions(workspace, now=now)[kind].order_by("pk")


def count_all(workspace: Workspace, *, now: datetime) -> dict[Kind, int]:
    """The number of rows of each kind, in one query."""
    parts = [
        rows.order_by().annotate(part=Value(kind.value)).values("part").annotate(found=Count("pk")).values_list("part", "found")
        for kind, rows in questions(workspace, now=now).items()
    ]
    counted = dict(parts[0].union(*parts[1:], all=True))
    return {kind: counted.get(kind.value, 0) for kind in Kind}


def oldest_allowed(workspace: Workspace) -> timedelta:
    """The age up to which a secret isn't too old: the workspace's limit, or a year."""
    return min(ClientPolicy.of(workspace).longest_secret_lifetime or OLD_AFTER, OLD_AFTER)


def new_end(kind: Kind, workspace: Workspace, *, now: datetime) -> datetime:
    """The new expiry of such a secret: it leaves enough time to rotate it, as far as the workspace allows."""
    return now + (TIME_TO_ROTATE if kind is Kind.OLD else min(ClientPolicy.of(workspace).longest_secret_lifetime or NEW_END, NEW_END))


def _asked(client: Any, now: datetime) -> QuerySet[ScopeUse]:
    return ScopeUse.objects.filter(client=client, day__gte=(now - SCOPES_ASKED_WITHIN).date(), asked__gt=0)


class _HasUnaskedScope(RawSQL):
    """Raw SQL because the ORM can't look into a JSON list. The index leads from a client and a scope to the days, so one row is read for each scope in use.

    PostgreSQL is slow at this, so most scopes, those requested since yesterday, are dropped first. LIMIT keeps it from joining the rest with all requests ever
    made.
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
    """The values that remain in each client's field NARROWED[kind], by primary key. At most one query."""
    listed = list(clients)
    if kind is Kind.BODY:
        return {client.pk: [method for method in client.auth_methods if method != Client.AuthMethod.CLIENT_SECRET_POST] for client in listed}
    asked: defaultdict[int, set[str]] = defaultdict(set)
    rows = ScopeUse.objects.filter(client__in=listed, day__gte=(now - SCOPES_ASKED_WITHIN).date(), asked__gt=0)
    for client, scope in rows.order_by().values_list("client_id", "scope").distinct():
        asked[client].add(scope)
    return {client.pk: [scope for scope in client.scopes if scope in asked[client.pk]] for client in listed}
