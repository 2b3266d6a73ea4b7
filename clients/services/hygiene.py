"""Tidying up: for each kind of finding its fix, for those that somebody chose, with one event each.

In batches, each a transaction of its own: tidying up ten thousand clients keeps nobody waiting, and where it breaks off, one can do it again.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from clients.hygiene import TIME_TO_ROTATE, Kind, find, new_end, unasked_scopes
from clients.models import Client, ClientSecret, Workspace
from clients.models.credentials import KINDS
from clients.moment import iso
from clients.services import audit
from clients.services.announcements import together
from clients.services.audit import Actor, Change
from clients.services.clients import set_status_of
from clients.services.revocation import revoke_rows
from clients.services.workspaces import lock_workspace

_BATCH = 200


def fix(kind: Kind, *, workspace: Workspace, rows: Sequence[int] | None, actor: Actor, now: datetime) -> int:
    """rows: primary keys of clients or secrets, None for all that are found. What isn't found any more is left alone. Returns how many were changed."""
    chosen = list(find(kind, workspace, now=now).values_list("pk", flat=True)) if rows is None else list(rows)
    with together():
        return sum(_fix_batch(kind, workspace, chosen[first : first + _BATCH], actor=actor, now=now) for first in range(0, len(chosen), _BATCH))


def _fix_batch(kind: Kind, workspace: Workspace, rows: Sequence[int], *, actor: Actor, now: datetime) -> int:
    with transaction.atomic():
        locked = lock_workspace(workspace)
        # Asked again under the lock: somebody may use it since the page was made.
        found = list(find(kind, locked, now=now).filter(pk__in=rows).select_for_update(of=("self",), no_key=True))
        if found:
            _FIXES[kind](found, workspace=locked, kind=kind, actor=actor, now=now)
    return len(found)


def _disable(clients: Sequence[Client], *, workspace: Workspace, kind: Kind, actor: Actor, now: datetime) -> None:
    set_status_of(clients, Client.Status.DISABLED, workspace=workspace, reason=_REASONS[kind], actor=actor, now=now)


def _give_end(secrets: Sequence[ClientSecret], *, workspace: Workspace, kind: Kind, actor: Actor, now: datetime) -> None:
    expires_at = new_end(workspace, now=now) if kind is Kind.NO_END else now + TIME_TO_ROTATE
    ClientSecret.objects.filter(pk__in=[secret.pk for secret in secrets]).update(expires_at=expires_at)
    after = {"expires_at": iso(expires_at), "reason": _REASONS[kind]}
    changes = [Change(secret.secret_id, {"expires_at": iso(secret.expires_at)}, after) for secret in secrets]
    audit.record_many("secret.changed", workspace=workspace, actor=actor, target_type="secret", changes=changes, now=now)


def _revoke_secrets(secrets: Sequence[ClientSecret], *, workspace: Workspace, kind: Kind, actor: Actor, now: datetime) -> None:
    revoke_rows(secrets, workspace=workspace, reason=_REASONS[kind], actor=actor, now=now)


def _revoke_all(clients: Sequence[Client], *, workspace: Workspace, kind: Kind, actor: Actor, now: datetime) -> None:
    for model in KINDS:
        usable: Any = model.objects.usable(now)
        rows = list(usable.filter(client__in=clients).select_for_update(of=("self",), no_key=True).order_by("pk"))
        revoke_rows(rows, workspace=workspace, reason=_REASONS[kind], actor=actor, now=now)


def _change_lists(clients: Sequence[Client], *, workspace: Workspace, kind: Kind, actor: Actor, now: datetime) -> None:
    unasked = unasked_scopes(clients, now=now) if kind is Kind.SCOPES else {}
    changes = []
    for client in clients:
        field, dropped = ("scopes", unasked[client.pk]) if kind is Kind.SCOPES else ("auth_methods", [Client.AuthMethod.CLIENT_SECRET_POST.value])
        before = getattr(client, field)
        setattr(client, field, [value for value in before if value not in dropped])
        changes.append(Change(client.client_id, {field: before}, {field: getattr(client, field)}))
    Client.objects.bulk_update(clients, ["scopes", "auth_methods"])
    audit.record_many("client.changed", workspace=workspace, actor=actor, target_type="client", changes=changes, now=now)


_REASONS = {
    Kind.SILENT: "unused beside another secret",
    Kind.NO_END: "had no end",
    Kind.OLD: "too old",
    Kind.NEVER_USED: "never used",
    Kind.IDLE: "idle for 90 days",
    Kind.DISABLED: "disabled for 90 days",
}
_FIXES: dict[Kind, Callable[..., None]] = {
    Kind.SILENT: _revoke_secrets,
    Kind.NO_END: _give_end,
    Kind.OLD: _give_end,
    Kind.NEVER_USED: _disable,
    Kind.IDLE: _disable,
    Kind.SCOPES: _change_lists,
    Kind.BODY: _change_lists,
    Kind.DISABLED: _revoke_all,
}
