"""Creates and revokes secrets. clients.services.rotation replaces them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction

from clients.models import Client, ClientSecret, Workspace
from clients.moment import iso
from clients.policy import ClientPolicy
from clients.secret import digest_secret, generate, hash_secret
from clients.services import audit
from clients.services.added_credentials import announce_added
from clients.services.audit import Actor
from clients.services.credential_limits import require_room
from clients.services.entered_values import clean_text
from clients.services.locking import lock_client
from clients.services.revocation import revoke
from clients.services.workspaces import require_kept


@dataclass(frozen=True, slots=True)
class NewSecret:
    """plaintext: shown once and never stored."""

    secret: ClientSecret
    plaintext: str


def require_use(client: Client) -> None:
    if not client.takes_secret:
        raise ValidationError(
            f"{client.client_id} authenticates only by {' or '.join(client.auth_methods)}, so it can't use a secret.", code="method_not_allowed"
        )


def prepare_secret(*, client: Client, name: str, lifetime: timedelta | None, actor: Actor, now: datetime) -> NewSecret:
    """Do all slow work before the transaction. The client may be unsaved.

    lifetime: None for the workspace's default, NO_END for no expiry. Raise ValidationError if the workspace forbids it.
    """
    if lifetime is not None and lifetime <= timedelta():
        raise ValidationError(
            "A secret that expires at once is useless. Choose a longer lifetime, for example 90d, or leave the lifetime out.", code="invalid_lifetime"
        )
    lifetime = ClientPolicy.of(client.workspace).choose_secret_lifetime(lifetime)
    generated = generate(client.environment)
    secret = ClientSecret(
        client=client,
        secret_id=generated.secret_id,
        name=clean_text(name, field="secret's name", max_length=100, required=False),
        hash=hash_secret(generated.plaintext),
        digest=digest_secret(generated.plaintext),
        lifetime=None if lifetime is None else int(lifetime.total_seconds()),
        created_at=now,
        created_by=actor.name[:254],
        expires_at=None if lifetime is None else now + lifetime,
    )
    return NewSecret(secret, generated.plaintext)


def insert_locked(secret: ClientSecret, *, workspace: Workspace, now: datetime) -> None:
    """workspace: the locked row. Its rules may have become stricter meanwhile."""
    require_kept(workspace)
    ClientPolicy.of(workspace).require_secret_lifetime(None if secret.lifetime is None else timedelta(seconds=secret.lifetime))
    require_room(secret, now=now)
    secret.save(force_insert=True)


def create_secret(
    *,
    client: Client,
    actor: Actor,
    now: datetime,
    name: str = "",
    lifetime: timedelta | None = None,
    also: Callable[[NewSecret], None] | None = None,
) -> NewSecret:
    """Add a secret; the others stay as they are. lifetime: None for the workspace's default, NO_END for no expiry.

    also: called in the same transaction.
    """
    require_use(client)
    new = prepare_secret(client=client, name=name, lifetime=lifetime, actor=actor, now=now)
    with transaction.atomic():
        insert_secret(new.secret, actor=actor, now=now)
        announce_added([new.secret], client=client, actor=actor, now=now)
        if also is not None:
            also(new)
    return new


def insert_secret(secret: ClientSecret, *, actor: Actor, now: datetime) -> None:
    """The second half of create_secret, for callers that write more in the same transaction."""
    with transaction.atomic():
        locked = lock_client(secret.client)
        insert_locked(secret, workspace=locked.workspace, now=now)
        audit.record(
            "secret.created",
            workspace=locked.workspace,
            actor=actor,
            target_type="secret",
            target_id=secret.secret_id,
            now=now,
            after={"client_id": locked.client_id, "name": secret.name, "expires_at": iso(secret.expires_at)},
        )


def revoke_secret(*, client: Client, secret_id: str, actor: Actor, now: datetime, reason: str = "") -> ClientSecret:
    """Like revocation.revoke."""
    return revoke(ClientSecret, secret_id, client=client, actor=actor, now=now, reason=reason)
