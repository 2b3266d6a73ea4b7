"""Deleting a client for good, once nothing can miss it. Its audit events stay."""

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction

from clients.disuse import find_disabling, was_used_since
from clients.models import AddressUse, Client, RecordedRequest, ScopeUse, TokenCount, UsageBucket
from clients.models.credentials import KINDS
from clients.services import audit
from clients.services.announcements import Changed, announce
from clients.services.audit import Actor
from clients.services.client_fields import describe
from clients.services.clients import disable_client
from clients.services.locking import lock_client
from clients.services.retention import delete_in_batches

DISABLED_FOR = timedelta(hours=24)
UNUSED_FOR = timedelta(days=30)

# What a busy client has by the million: not in one transaction, for all others would wait.
_MANY = (RecordedRequest, UsageBucket, AddressUse, ScopeUse, TokenCount)


def disabled_since(client: Client) -> datetime | None:
    """None where it is enabled, or was disabled longer ago than the audit log reaches."""
    event = find_disabling(client)
    return None if event is None else event.created_at


def is_deletable(client: Client, *, now: datetime) -> bool:
    """Whether it has been disabled for 24 hours, or got nothing for 30 days."""
    if client.status == Client.Status.DISABLED:
        since = disabled_since(client)
        if since is None or since <= now - DISABLED_FOR:
            return True
    return not was_used_since(client, now - UNUSED_FOR)


def delete_client(*, client: Client, typed_name: str, actor: Actor, now: datetime) -> None:
    """With its credentials, requests and usage. Every token of its is dead at once.

    typed_name: what somebody typed to confirm it. Raise ValidationError where that isn't the name, where the client is or was in use lately, and where it is
    gone. It is disabled first, in a transaction of its own, and what there is much of goes in batches: where that breaks off, one can do it again.
    """
    if typed_name.strip() != client.name:
        typed = f" You typed {typed_name[:100]}." if typed_name.strip() else ""
        raise ValidationError(f"Type {client.name} exactly.{typed}", code="not_confirmed")
    with transaction.atomic():
        locked = _lock(client)
        if not is_deletable(locked, now=now):
            raise ValidationError(f"{client.name} is in use, or was within 30 days. Disable it first, and delete it 24 hours later.", code="in_use")
        disable_client(client=locked, reason="to be deleted", actor=actor, now=now)
    for rows in _MANY:
        delete_in_batches(rows.objects.filter(client=client))
    with transaction.atomic():
        locked = _lock(client)
        if locked.status != Client.Status.DISABLED:
            raise ValidationError(
                f"Somebody enabled {client.name} meanwhile, so it was kept. Its requests and usage so far are gone.", code="enabled_meanwhile"
            )
        # By their IDs the audit log finds what happened to them, once they are gone.
        of_kinds = {f"{kind.TARGET_TYPE}s": kind._default_manager.filter(client=locked).values_list(kind.ID_FIELD, flat=True) for kind in KINDS}
        credentials = {name: list(ids.order_by("pk")) for name, ids in of_kinds.items()}
        audit.record(
            "client.deleted",
            workspace=locked.workspace,
            actor=actor,
            target_type="client",
            target_id=locked.client_id,
            now=now,
            before={**describe(locked), **credentials},
        )
        announce(Changed("a client was deleted", client, actor, now, is_there=False))
        locked.delete()


def _lock(client: Client) -> Client:
    """Also for those that only refer to it, such as counted requests: they would hold rows that go with it, and wait for the client."""
    locked = lock_client(client)
    Client.objects.select_for_update().get(pk=client.pk)
    return locked
