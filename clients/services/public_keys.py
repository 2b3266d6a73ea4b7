"""Registering and revoking public keys."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from clients.models import Client, ClientPublicKey
from clients.moment import iso
from clients.public_key import ParsedPublicKey
from clients.services import audit
from clients.services.announcements import Changed, announce
from clients.services.audit import Actor
from clients.services.credential_rate import require_rate
from clients.services.locking import lock_client
from clients.services.validation import clean_reason, clean_text, unknown_credential
from clients.services.workspaces import require_kept

MAX_USABLE_PUBLIC_KEYS = 50


def prepare_public_keys(
    *, client: Client, parsed: Sequence[ParsedPublicKey], name: str = "", lifetime: timedelta | None = None, actor: Actor, now: datetime
) -> list[ClientPublicKey]:
    """Rows that aren't saved yet. The client may not be saved yet either. lifetime: None for no end. What came in a certificate ends with it at the latest."""
    if lifetime is not None and lifetime <= timedelta():
        raise ValidationError(
            "A public key that has expired at once is of no use. Give it a longer life, for example 365d, or none for no end.", code="invalid_lifetime"
        )
    ended = next((key.expires_at for key in parsed if key.expires_at is not None and key.expires_at <= now), None)
    if ended is not None:
        raise ValidationError(f"The certificate ended on {ended:%d %b %Y %H:%M} UTC. Give a valid one, or the public key alone.", code="expired_certificate")
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
    """Save what prepare_public_keys made, all or none. Raise ValidationError where one is known already, be it revoked or not."""
    with transaction.atomic():
        locked = lock_client(client)
        require_kept(locked.workspace)
        for row in rows:
            _insert(row, now=now)
            audit.record(
                "public_key.added",
                workspace=locked.workspace,
                actor=actor,
                target_type="public_key",
                target_id=row.kid,
                now=now,
                after={
                    "client_id": locked.client_id,
                    "name": row.name,
                    "algorithm": row.algorithm,
                    "thumbprint": row.thumbprint,
                    "expires_at": iso(row.expires_at),
                },
            )


def _insert(row: ClientPublicKey, *, now: datetime) -> None:
    of_client = ClientPublicKey.objects.filter(client=row.client)
    known = of_client.filter(Q(kid=row.kid) | Q(thumbprint=row.thumbprint)).first()
    if known is not None and known.thumbprint == row.thumbprint:
        if known.revoked_at is not None:
            raise ValidationError(f"Public key {known.kid} was revoked and stays so. Make a new pair.", code="revoked_public_key")
        raise ValidationError(f"The client has this public key already, as {known.kid}.", code="known_public_key")
    if known is not None:
        raise ValidationError(f"The client has, or had, another public key with the kid {row.kid}. Give this one another kid.", code="kid_taken")
    if of_client.usable(now).count() >= MAX_USABLE_PUBLIC_KEYS:
        raise ValidationError(f"The client has {MAX_USABLE_PUBLIC_KEYS} usable public keys. Revoke one before you add another.", code="too_many_public_keys")
    require_rate(row, noun="public key", now=now)
    row.save(force_insert=True)


def add_public_keys(
    *, client: Client, parsed: Sequence[ParsedPublicKey], actor: Actor, now: datetime, name: str = "", lifetime: timedelta | None = None
) -> list[ClientPublicKey]:
    """Further public keys; the others stay as they are."""
    rows = prepare_public_keys(client=client, parsed=parsed, name=name, lifetime=lifetime, actor=actor, now=now)
    with transaction.atomic():
        insert_public_keys(rows, client=client, actor=actor, now=now)
        act = "public keys were added" if len(rows) > 1 else "a public key was added"
        announce(Changed(act, client, actor, now, names=tuple(row.kid for row in rows)))
    return rows


def revoke_public_key(*, client: Client, kid: str, actor: Actor, now: datetime, reason: str = "") -> ClientPublicKey:
    """End a public key for ever, at once, with every token that it obtained. No effect on a revoked one. reason: for the audit log.

    Raise ValidationError where the client has no such key.
    """
    why = clean_reason(reason)
    with transaction.atomic():
        locked = lock_client(client)
        key = ClientPublicKey.objects.select_for_update(no_key=True).filter(client=locked, kid=kid).first()
        if key is None:
            raise unknown_credential("public key", kid, of=client, present=client.public_keys.filter(revoked_at=None).values_list("kid", flat=True))
        if key.revoked_at is None:
            key.revoked_at = now
            key.save(update_fields=["revoked_at"])
            audit.record(
                "public_key.revoked",
                workspace=locked.workspace,
                actor=actor,
                target_type="public_key",
                target_id=key.kid,
                now=now,
                before={"revoked_at": None},
                after={"client_id": locked.client_id, "revoked_at": iso(now), **({"reason": why} if why else {})},
            )
    return key
