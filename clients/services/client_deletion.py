"""Deletes an unused client permanently. Its audit events stay."""

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

# A busy client has millions of these rows. They aren't deleted in one transaction, because all other requests would have to wait.
_MANY = (RecordedRequest, UsageBucket, AddressUse, ScopeUse, TokenCount)


def disabled_since(client: Client) -> datetime | None:
    """The time at which the client was disabled. None if it is enabled, or was disabled before the oldest audit event."""
    event = find_disabling(client)
    return None if event is None else event.created_at


def is_deletable(client: Client, *, now: datetime) -> bool:
    """Whether the client has been disabled for 24 hours, or unused for 30 days."""
    if client.status == Client.Status.DISABLED:
        since = disabled_since(client)
        if since is None or since <= now - DISABLED_FOR:
            return True
    return not was_used_since(client, now - UNUSED_FOR)


def delete_client(*, client: Client, typed_name: str, actor: Actor, now: datetime) -> None:
    """Delete a client with its credentials, requests and usage. All of its tokens stop working at once.

    typed_name: typed by the user to confirm. Raise ValidationError if it isn't the name, or if the client is in use, was used recently, or is deleted already.
    The client is first disabled in its own transaction, and large tables are deleted in batches. If that is interrupted, it can be repeated.
    """
    if typed_name.strip() != client.name:
        typed = f" You typed {typed_name[:100]}." if typed_name.strip() else ""
        raise ValidationError(f"Type {client.name} exactly.{typed}", code="not_confirmed")
    with transaction.atomic():
        locked = _lock(client)
        if not is_deletable(locked, now=now):
            raise ValidationError(f"{client.name} was used within the last 30 days. Disable it first, and delete it 24 hours later.", code="in_use")
        disable_client(client=locked, reason="to be deleted", actor=actor, now=now)
    for rows in _MANY:
        delete_in_batches(rows.objects.filter(client=client))
    with transaction.atomic():
        locked = _lock(client)
        if locked.status != Client.Status.DISABLED:
            raise ValidationError(
                f"Somebody has enabled {client.name} in the meantime, so it was kept. Its requests and usage until now were deleted.", code="enabled_meanwhile"
            )
        # With these IDs, the audit log can still find the credentials' events after the deletion.
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
    """This lock also stops new rows that only refer to the client, such as counted requests: they would hold rows to be deleted, and wait for the client."""
    locked = lock_client(client)
    Client.objects.select_for_update().get(pk=client.pk)
    return locked
