"""Revokes credentials permanently and at once, with every token that they obtained."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import prefetch_related_objects

from clients.models import Client, ClientCertificate, ClientPublicKey, ClientSecret, Workspace
from clients.models.credentials import AnyCredential, CredentialT
from clients.moment import iso
from clients.services import audit
from clients.services.announcements import Ended, announce
from clients.services.audit import Actor, Change
from clients.services.entered_values import clean_reason
from clients.services.locking import lock_credential

_EVENTS = {ClientSecret: "secret.revoked", ClientPublicKey: "public_key.revoked", ClientCertificate: "certificate.revoked"}


def revoke(kind: type[CredentialT], name: str, *, client: Client, actor: Actor, now: datetime, reason: str = "", is_urgent: bool = False) -> CredentialT:
    """No effect on a revoked credential. name: its ID. reason: for the audit log and mail. is_urgent: as in Ended. Raise ValidationError if the client has no
    credential of that kind and name.
    """
    why = clean_reason(reason)
    with transaction.atomic():
        row = lock_credential(kind, name, client=client)
        if row.revoked_at is None:
            revoke_rows([row], workspace=row.client.workspace, reason=why, is_urgent=is_urgent, actor=actor, now=now)
    return row


def revoke_rows(rows: Sequence[AnyCredential], *, workspace: Workspace, reason: str, is_urgent: bool = False, actor: Actor, now: datetime) -> None:
    """rows: locked, of one kind, and not revoked yet. workspace: the rows'."""
    if not rows:
        return
    kind = type(rows[0])
    prefetch_related_objects(rows, "client")
    kind.objects.filter(pk__in=[row.pk for row in rows]).update(revoked_at=now)
    changes = []
    for row in rows:
        row.revoked_at = now
        after = {"client_id": row.client.client_id, "revoked_at": iso(now), **({"reason": reason} if reason else {})}
        changes.append(Change(str(row), {"revoked_at": None}, after))
        announce(Ended("revoked", row, row.client, actor, now, reason=reason, is_urgent=is_urgent))
    audit.record_many(_EVENTS[kind], workspace=workspace, actor=actor, target_type=kind.TARGET_TYPE, changes=changes, now=now)
