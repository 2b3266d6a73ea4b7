"""Registers and revokes public keys."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from clients.models import Client, ClientPublicKey
from clients.public_key import ParsedPublicKey
from clients.services.added_credentials import allow, announce_added, insert_all
from clients.services.audit import Actor
from clients.services.entered_values import clean_text
from clients.services.revocation import revoke


def prepare_public_keys(
    *, client: Client, parsed: Sequence[ParsedPublicKey], name: str = "", lifetime: timedelta | None = None, actor: Actor, now: datetime
) -> list[ClientPublicKey]:
    """Make unsaved rows. The client may be unsaved too. lifetime: None for no expiry. A key from a certificate expires with the certificate at the latest."""
    if lifetime is not None and lifetime <= timedelta():
        raise ValidationError(
            "A public key that expires at once is useless. Choose a longer lifetime, for example 365d, or leave the lifetime out.", code="invalid_lifetime"
        )
    ended = next((key.expires_at for key in parsed if key.expires_at is not None and key.expires_at <= now), None)
    if ended is not None:
        raise ValidationError(f"The certificate expired on {ended:%d %b %Y %H:%M} UTC. Submit a valid one, or only the public key.", code="expired_certificate")
    if any(key.kid.startswith("-") and key.kid != key.thumbprint for key in parsed):
        raise ValidationError("The kid can't begin with a hyphen: commands would take it for an option.", code="invalid_kid")
    cleaned = clean_text(name, field="public key's name", max_length=100, required=False)
    return [
        ClientPublicKey(
            client=client,
            kid=key.kid,
            thumbprint=key.thumbprint,
            algorithm=key.algorithm,
            public_jwk=key.public_jwk,
            name=cleaned,
            created_at=now,
            created_by=actor.name[:254],
            expires_at=min((end for end in (key.expires_at, now + lifetime if lifetime is not None else None) if end is not None), default=None),
        )
        for key in parsed
    ]


def insert_public_keys(rows: Sequence[ClientPublicKey], *, client: Client, actor: Actor, now: datetime) -> None:
    """Save the rows from prepare_public_keys, all or none. Raise ValidationError if one is already registered, revoked or not."""
    insert_all("public_key.added", rows, client=client, refuse_known=_refuse_known, describe=_describe, actor=actor, now=now)


def _describe(row: ClientPublicKey) -> dict[str, str]:
    return {"algorithm": row.algorithm, "thumbprint": row.thumbprint}


def _refuse_known(row: ClientPublicKey) -> None:
    known = ClientPublicKey.objects.filter(Q(kid=row.kid) | Q(thumbprint=row.thumbprint), client=row.client).first()
    if known is None:
        return
    if known.thumbprint != row.thumbprint:
        raise ValidationError(f"The client has, or had, another public key with the kid {row.kid}. Give this one another kid.", code="kid_taken")
    if known.revoked_at is not None:
        raise ValidationError(f"Public key {known.kid} was revoked and can't be registered again. Make a new key pair.", code="revoked_public_key")
    raise ValidationError(f"The client already has this public key, as {known.kid}.", code="known_public_key")


def add_public_keys(
    *,
    client: Client,
    parsed: Sequence[ParsedPublicKey],
    actor: Actor,
    now: datetime,
    name: str = "",
    lifetime: timedelta | None = None,
    allow_method: bool = False,
) -> list[ClientPublicKey]:
    """Add public keys; the others stay as they are. allow_method: whether the client may authenticate by private_key_jwt from now on."""
    rows = prepare_public_keys(client=client, parsed=parsed, name=name, lifetime=lifetime, actor=actor, now=now)
    with transaction.atomic():
        if allow_method:
            allow(client, Client.AuthMethod.PRIVATE_KEY_JWT, actor=actor, now=now)
        insert_public_keys(rows, client=client, actor=actor, now=now)
        announce_added(rows, client=client, actor=actor, now=now)
    return rows


def revoke_public_key(*, client: Client, kid: str, actor: Actor, now: datetime, reason: str = "") -> ClientPublicKey:
    """Like revocation.revoke."""
    return revoke(ClientPublicKey, kid, client=client, actor=actor, now=now, reason=reason)
