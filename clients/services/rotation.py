"""Rotates secrets: makes a new one, and lets the old ones expire after an overlap."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction

from clients.duration import parse_duration
from clients.models import Client, ClientSecret
from clients.moment import iso
from clients.policy import ClientPolicy
from clients.services import audit
from clients.services.announcements import Rotated, announce
from clients.services.audit import Actor
from clients.services.locking import lock_client
from clients.services.secrets import NewSecret, insert_locked, prepare_secret, require_use

USUAL_OVERLAP = "24h"
DEFAULT_OVERLAP = parse_duration(USUAL_OVERLAP)


@dataclass(frozen=True, slots=True)
class RotatedSecret(NewSecret):
    """previous: the old secrets, with their new expiry dates."""

    previous: list[ClientSecret]


def find_predecessor(client: Client, now: datetime) -> ClientSecret | None:
    """The secret that passes on its name and lifetime to the next one: the newest usable secret, or else the newest of all."""
    secrets = ClientSecret.objects.filter(client=client)
    return secrets.usable(now).first() or secrets.first()


def expected_lifetime(client: Client, predecessor: ClientSecret | None) -> timedelta | None:
    """The lifetime that a rotation gives the new secret by default; None as in ClientPolicy.usual_secret_lifetime."""
    return _inherit_lifetime(client, predecessor) or ClientPolicy.of(client.workspace).usual_secret_lifetime


def _inherit_lifetime(client: Client, predecessor: ClientSecret | None) -> timedelta | None:
    if predecessor is None or predecessor.lifetime is None:
        return None
    return ClientPolicy.of(client.workspace).inherit_secret_lifetime(timedelta(seconds=predecessor.lifetime))


def rotate_secret(
    *,
    client: Client,
    actor: Actor,
    now: datetime,
    overlap: timedelta = DEFAULT_OVERLAP,
    name: str = "",
    lifetime: timedelta | None = None,
    seen: str = "",
    also: Callable[[NewSecret], None] | None = None,
) -> RotatedSecret:
    """Make a new secret. All usable old secrets expire after overlap, unless they expire earlier anyway. Tokens that they obtained stay valid.

    lifetime: None for the lifetime of find_predecessor's secret, as far as the workspace allows it; NO_END for no expiry. seen: the ID of the newest secret at
    the time when the caller looked, "" to skip this check. also: called in the same transaction. Raise ValidationError, with the code changed_meanwhile if
    somebody has made a secret since: the caller doesn't know that it would expire too.
    """
    require_use(client)
    if overlap < timedelta():
        raise ValidationError(f"The overlap is negative. Use 0 to end the old secrets at once, or for example {USUAL_OVERLAP}.", code="invalid_overlap")
    newest = find_predecessor(client, now)
    if lifetime is None:
        lifetime = _inherit_lifetime(client, newest)
    new = prepare_secret(client=client, name=name or (newest.name if newest else ""), lifetime=lifetime, actor=actor, now=now)
    with transaction.atomic():
        locked = lock_client(client)
        previous = list(ClientSecret.objects.usable(now).filter(client=locked).select_for_update(no_key=True).order_by("pk"))[::-1]
        _refuse_unseen(previous, seen)
        before = {secret.secret_id: iso(secret.expires_at) for secret in previous}
        _end(previous, at=now + overlap)
        insert_locked(new.secret, workspace=locked.workspace, now=now)
        audit.record(
            "secret.rotated",
            workspace=locked.workspace,
            actor=actor,
            target_type="secret",
            target_id=new.secret.secret_id,
            now=now,
            before={"expires_at": before},
            after={
                "client_id": locked.client_id,
                "name": new.secret.name,
                "expires_at": {secret.secret_id: iso(secret.expires_at) for secret in [new.secret, *previous]},
            },
        )
        announce(Rotated(new.secret, tuple(previous), actor, now))
        if also is not None:
            also(new)
    return RotatedSecret(new.secret, new.plaintext, previous)


def _refuse_unseen(secrets: Sequence[ClientSecret], seen: str) -> None:
    """secrets: newest first."""
    if seen and secrets and secrets[0].secret_id != seen:
        last_seen = ClientSecret.objects.filter(client=secrets[0].client_id, secret_id=seen).first()
        if last_seen is not None and secrets[0].pk > last_seen.pk:
            raise ValidationError(
                f"Secret {secrets[0].secret_id} was made in the meantime and would expire too. Check it, and submit the form again if you want to rotate.",
                code="changed_meanwhile",
            )


def _end(secrets: Sequence[ClientSecret], *, at: datetime) -> None:
    """Make them expire at that time, unless they expire earlier anyway."""
    for secret in secrets:
        if secret.expires_at is None or secret.expires_at > at:
            # The expiry isn't before its creation, even if it was made on a node whose clock is ahead.
            secret.expires_at = max(at, secret.created_at)
            secret.save(update_fields=["expires_at"])
