"""Tidying up: fixes each kind of finding for the rows that somebody chose, with one audit event each.

It works in batches, each in its own transaction, so tidying up ten thousand clients doesn't block others. If it is interrupted, it can be repeated.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction

from clients.hygiene import NARROWED, Kind, find, narrow, new_end
from clients.models import Client, ClientSecret, Workspace
from clients.models.credentials import KINDS
from clients.services import audit
from clients.services.announcements import Changed, announce, together
from clients.services.audit import Actor, Change
from clients.services.clients import set_status_of
from clients.services.revocation import revoke_rows
from clients.services.secret_ends import set_ends
from clients.services.workspaces import lock_workspace

_BATCH = 200


def fix(kind: Kind, *, workspace: Workspace, rows: Sequence[int] | None, actor: Actor, now: datetime) -> int:
    """rows: primary keys of clients or secrets, None for all findings. Rows that are no longer findings stay. Returns the number of changed rows."""
    chosen = list(find(kind, workspace, now=now).values_list("pk", flat=True)) if rows is None else list(rows)
    with together():
        return sum(_fix_batch(kind, workspace, chosen[first : first + _BATCH], actor=actor, now=now) for first in range(0, len(chosen), _BATCH))


def _fix_batch(kind: Kind, workspace: Workspace, rows: Sequence[int], *, actor: Actor, now: datetime) -> int:
    with transaction.atomic():
        locked = lock_workspace(workspace)
        # Check again under the lock, because the row may have been used since the page was made.
        found = list(find(kind, locked, now=now).filter(pk__in=rows).select_for_update(of=("self",), no_key=True))
        if found:
            do, reason = _FIXES[kind]
            do(found, workspace=locked, reason=reason, actor=actor, now=now)
    return len(found)


def _give_end(kind: Kind, secrets: Sequence[ClientSecret], *, workspace: Workspace, reason: str, actor: Actor, now: datetime) -> None:
    rows = ClientSecret.objects.filter(pk__in=[secret.pk for secret in secrets])
    set_ends(rows, expires_at=new_end(kind, workspace, now=now), workspace=workspace, reason=reason, actor=actor, now=now)


def _revoke_all(clients: Sequence[Client], *, workspace: Workspace, reason: str, actor: Actor, now: datetime) -> None:
    for model in KINDS:
        usable: Any = model.objects.usable(now)
        rows = list(usable.filter(client__in=clients).select_for_update(of=("self",), no_key=True).order_by("pk"))
        revoke_rows(rows, workspace=workspace, reason=reason, actor=actor, now=now)


def _narrow(kind: Kind, act: str, clients: Sequence[Client], *, workspace: Workspace, reason: str, actor: Actor, now: datetime) -> None:
    """act: for the announcement. The audit log has no reason, because the change says it."""
    field, left = NARROWED[kind], narrow(kind, clients, now=now)
    changes = [Change(client.client_id, {field: getattr(client, field)}, {field: left[client.pk]}) for client in clients]
    removed = {client: tuple(value for value in getattr(client, field) if value not in left[client.pk]) for client in clients}
    for client in clients:
        setattr(client, field, left[client.pk])
    Client.objects.bulk_update(clients, [field])
    audit.record_many("client.changed", workspace=workspace, actor=actor, target_type="client", changes=changes, now=now)
    for client in clients:
        announce(Changed(act, client, actor, now, names=removed[client], reason=reason))


_disable = partial(set_status_of, status=Client.Status.DISABLED)
# The reason is for the audit log, and for the clients' owners.
_FIXES: dict[Kind, tuple[Callable[..., None], str]] = {
    Kind.SILENT: (revoke_rows, "unused spare secret"),
    Kind.NO_END: (partial(_give_end, Kind.NO_END), "had no expiry date"),
    Kind.OLD: (partial(_give_end, Kind.OLD), "too old"),
    Kind.NEVER_USED: (_disable, "never used"),
    Kind.IDLE: (_disable, "idle for 90 days"),
    Kind.SCOPES: (partial(_narrow, Kind.SCOPES, "unused scopes were removed"), "not requested in 30 days"),
    Kind.BODY: (partial(_narrow, Kind.BODY, "secrets in request bodies were turned off"), "the client may use the Authorization header"),
    Kind.DISABLED: (_revoke_all, "disabled for 90 days"),
}
