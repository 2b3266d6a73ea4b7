"""The part of adding credentials that all kinds share."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from clients.models import Client
from clients.models.credentials import AnyCredential, CredentialT
from clients.moment import iso
from clients.services import audit
from clients.services.announcements import Changed, announce
from clients.services.audit import Actor
from clients.services.client_changes import update_client
from clients.services.credential_limits import require_room
from clients.services.locking import lock_client
from clients.services.workspaces import require_kept


def insert_all(
    event: str,
    rows: Sequence[CredentialT],
    *,
    client: Client,
    refuse_known: Callable[[CredentialT], None],
    describe: Callable[[CredentialT], Mapping[str, Any]],
    actor: Actor,
    now: datetime,
) -> None:
    """Save the rows, all or none. describe: returns further facts about a row for the audit log. Raise ValidationError."""
    with transaction.atomic():
        locked = lock_client(client)
        require_kept(locked.workspace)
        for row in rows:
            refuse_known(row)
            require_room(row, now=now)
            row.save(force_insert=True)
            audit.record(
                event,
                workspace=locked.workspace,
                actor=actor,
                target_type=row.TARGET_TYPE,
                target_id=str(row),
                now=now,
                after={"client_id": locked.client_id, "name": row.name, **describe(row), "expires_at": iso(row.expires_at)},
            )


def allow(client: Client, method: Client.AuthMethod, *, actor: Actor, now: datetime) -> None:
    """Let the client authenticate by that method if it may not yet. Call it in the transaction that adds the credential."""
    present = lock_client(client).auth_methods
    if method not in present:
        update_client(client=client, auth_methods=[*present, method.value], actor=actor, now=now)


def announce_added(rows: Sequence[AnyCredential], *, client: Client, actor: Actor, now: datetime) -> None:
    """Announce the added rows, which have the same kind."""
    noun = rows[0].NOUN
    act = f"{noun}s were added" if len(rows) > 1 else f"a {noun} was added"
    announce(Changed(act, client, actor, now, names=tuple(map(str, rows))))
