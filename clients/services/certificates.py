"""Registering and revoking certificates."""

from collections.abc import Sequence
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from clients.certificate import ParsedCertificate
from clients.models import Client, ClientCertificate
from clients.moment import iso
from clients.services import audit
from clients.services.announcements import Changed, announce
from clients.services.audit import Actor
from clients.services.credential_rate import require_rate
from clients.services.locking import lock_client
from clients.services.validation import clean_reason, clean_text, unknown_credential
from clients.services.workspaces import require_kept

MAX_USABLE_CERTIFICATES = 50


def prepare_certificates(*, client: Client, parsed: Sequence[ParsedCertificate], name: str = "", actor: Actor, now: datetime) -> list[ClientCertificate]:
    """Rows that aren't saved yet. The client may not be saved yet either. Raise ValidationError where one is of no use any more."""
    cleaned = clean_text(name, field="certificate's name", max_length=100, required=False)
    for certificate in parsed:
        if certificate.expires_at <= now:
            raise ValidationError(
                f"Certificate {certificate.thumbprint} ended on {certificate.expires_at:%d %b %Y %H:%M} UTC. Issue a new one.", code="expired_certificate"
            )
    return [
        ClientCertificate(
            client=client,
            thumbprint=certificate.thumbprint,
            subject=certificate.subject[:500],
            certificate=certificate.pem,
            name=cleaned,
            valid_from=certificate.valid_from,
            expires_at=certificate.expires_at,
            created_at=now,
            created_by=actor.name[:254],
        )
        for certificate in parsed
    ]


def insert_certificates(rows: Sequence[ClientCertificate], *, client: Client, actor: Actor, now: datetime) -> None:
    """Save what prepare_certificates made, all or none. Raise ValidationError where one is known already."""
    with transaction.atomic():
        locked = lock_client(client)
        require_kept(locked.workspace)
        for row in rows:
            _insert(row, now=now)
            audit.record(
                "certificate.added",
                workspace=locked.workspace,
                actor=actor,
                target_type="certificate",
                target_id=row.thumbprint,
                now=now,
                after={"client_id": locked.client_id, "name": row.name, "subject": row.subject, "expires_at": iso(row.expires_at)},
            )


def _insert(row: ClientCertificate, *, now: datetime) -> None:
    of_client = ClientCertificate.objects.filter(client=row.client)
    known = of_client.filter(thumbprint=row.thumbprint).first()
    if known is not None:
        if known.revoked_at is not None:
            raise ValidationError(f"Certificate {row.thumbprint} was revoked and stays so. Issue one with a new key.", code="revoked_certificate")
        raise ValidationError(f"The client has certificate {row.thumbprint} already.", code="known_certificate")
    if of_client.usable(now).count() >= MAX_USABLE_CERTIFICATES:
        raise ValidationError(f"The client has {MAX_USABLE_CERTIFICATES} usable certificates. Revoke one before you add another.", code="too_many_certificates")
    require_rate(row, noun="certificate", now=now)
    row.save(force_insert=True)


def add_certificates(*, client: Client, parsed: Sequence[ParsedCertificate], actor: Actor, now: datetime, name: str = "") -> list[ClientCertificate]:
    """Further certificates; the others stay as they are."""
    rows = prepare_certificates(client=client, parsed=parsed, name=name, actor=actor, now=now)
    with transaction.atomic():
        insert_certificates(rows, client=client, actor=actor, now=now)
        act = "certificates were added" if len(rows) > 1 else "a certificate was added"
        announce(Changed(act, client, actor, now, names=tuple(row.thumbprint for row in rows)))
    return rows


def revoke_certificate(*, client: Client, thumbprint: str, actor: Actor, now: datetime, reason: str = "") -> ClientCertificate:
    """End a certificate for ever, at once, with every token that it obtained. No effect on a revoked one.

    thumbprint: x5t#S256. reason: for the audit log. Raise ValidationError where the client has no such certificate.
    """
    why = clean_reason(reason)
    with transaction.atomic():
        locked = lock_client(client)
        certificate = ClientCertificate.objects.select_for_update(no_key=True).filter(client=locked, thumbprint=thumbprint).first()
        if certificate is None:
            raise unknown_credential(
                "certificate", thumbprint, of=client, present=client.certificates.filter(revoked_at=None).values_list("thumbprint", flat=True)
            )
        if certificate.revoked_at is None:
            certificate.revoked_at = now
            certificate.save(update_fields=["revoked_at"])
            audit.record(
                "certificate.revoked",
                workspace=locked.workspace,
                actor=actor,
                target_type="certificate",
                target_id=certificate.thumbprint,
                now=now,
                before={"revoked_at": None},
                after={"client_id": locked.client_id, "revoked_at": iso(now), **({"reason": why} if why else {})},
            )
    return certificate
