"""The order in which a change of a client locks rows: first its workspace, then the client, then the client's rows by primary key.

With one order, two simultaneous changes wait for each other; with different orders, PostgreSQL would abort one of them. Other rows may still refer to the
locked ones, so the counting of token requests doesn't wait.
"""

from typing import Any

from django.core.exceptions import ValidationError

from clients.models import Client
from clients.models.credentials import CredentialT
from clients.services.workspaces import lock_workspace


def lock_client(client: Client) -> Client:
    """Lock the client and its workspace until the transaction ends, and return the current row. Raise ValidationError if one of them is deleted."""
    workspace = lock_workspace(client.workspace)
    locked = Client.objects.select_for_update(no_key=True).filter(pk=client.pk).first()
    if locked is None:
        raise ValidationError(f"{client.name} no longer exists.", code="unknown_client")
    locked.workspace = workspace
    return locked


def lock_credential(kind: type[CredentialT], name: str, *, client: Client) -> CredentialT:
    """Like lock_client, for the credential with that ID and its client. Raise ValidationError if the client has no such credential."""
    locked = lock_client(client)
    rows: Any = kind.objects.filter(client=locked)
    row: CredentialT | None = rows.select_for_update(no_key=True).filter(**{kind.ID_FIELD: name}).first()
    if row is None:
        known = ", ".join(rows.filter(revoked_at=None).values_list(kind.ID_FIELD, flat=True)[:20]) or "none"
        raise ValidationError(f"{client.client_id} has no {kind.NOUN} “{name[:100]}”. It has {known}.", code=f"unknown_{kind.TARGET_TYPE}")
    row.client = locked
    return row
