"""Registers and revokes certificates."""

from collections.abc import Sequence
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from clients.certificate import ParsedCertificate
from clients.models import Client, ClientCertificate
from clients.services.added_credentials import allow, announce_added, insert_all
from clients.services.audit import Actor
from clients.services.entered_values import clean_text
from clients.services.revocation import revoke


def prepare_certificates(*, client: Client, parsed: Sequence[ParsedCertificate], name: str = "", actor: Actor, now: datetime) -> list[ClientCertificate]:
    """Make unsaved rows. The client may be unsaved too. Raise ValidationError if one has expired."""
    cleaned = clean_text(name, field="certificate's name", max_length=100, required=False)
    for certificate in parsed:
        if certificate.expires_at <= now:
            raise ValidationError(
                f"Certificate {certificate.thumbprint} expired on {certificate.expires_at:%d %b %Y %H:%M} UTC. Issue a new one.", code="expired_certificate"
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
    """Save the rows from prepare_certificates, all or none. Raise ValidationError if one is already registered."""
    insert_all("certificate.added", rows, client=client, refuse_known=_refuse_known, describe=_describe, actor=actor, now=now)


def _describe(row: ClientCertificate) -> dict[str, str]:
    return {"subject": row.subject}


def _refuse_known(row: ClientCertificate) -> None:
    known = ClientCertificate.objects.filter(client=row.client, thumbprint=row.thumbprint).first()
    if known is None:
        return
    if known.revoked_at is not None:
        raise ValidationError(f"Certificate {row.thumbprint} was revoked and can't be registered again. Issue one with a new key.", code="revoked_certificate")
    raise ValidationError(f"The client already has certificate {row.thumbprint}.", code="known_certificate")


def add_certificates(
    *, client: Client, parsed: Sequence[ParsedCertificate], actor: Actor, now: datetime, name: str = "", allow_method: bool = False
) -> list[ClientCertificate]:
    """Add certificates; the others stay as they are. allow_method: whether the client may authenticate by self_signed_tls_client_auth from now on."""
    rows = prepare_certificates(client=client, parsed=parsed, name=name, actor=actor, now=now)
    with transaction.atomic():
        if allow_method:
            allow(client, Client.AuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH, actor=actor, now=now)
        insert_certificates(rows, client=client, actor=actor, now=now)
        announce_added(rows, client=client, actor=actor, now=now)
    return rows


def revoke_certificate(*, client: Client, thumbprint: str, actor: Actor, now: datetime, reason: str = "") -> ClientCertificate:
    """Like revocation.revoke. thumbprint: x5t#S256."""
    return revoke(ClientCertificate, thumbprint, client=client, actor=actor, now=now, reason=reason)
