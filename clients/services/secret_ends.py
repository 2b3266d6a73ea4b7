"""Changes the expiry of secrets: later if a secret is still in use, to now, or to the same day for all that don't expire."""

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from clients.duration import MAX_DURATION
from clients.models import Client, ClientSecret, Workspace
from clients.moment import iso
from clients.policy import ClientPolicy
from clients.services import audit
from clients.services.announcements import Changed, Ended, announce, together
from clients.services.audit import Actor, Change
from clients.services.locking import lock_credential
from clients.services.workspaces import lock_workspace, require_kept


def latest_end(secret: ClientSecret, workspace: Workspace) -> datetime:
    """The latest expiry that the workspace allows, counted from the secret's creation."""
    return secret.created_at + (ClientPolicy.of(workspace).longest_secret_lifetime or MAX_DURATION)


def extend_secret(*, client: Client, secret_id: str, expires_at: datetime, actor: Actor, now: datetime, seen: datetime | None = None) -> ClientSecret:
    """Give a secret a later expiry. seen: the expiry that the caller knows, None to skip this check.

    Raise ValidationError if the secret has expired meanwhile, if its expiry isn't the one seen, or if expires_at isn't later or is later than allowed.
    """
    with transaction.atomic():
        secret = lock_credential(ClientSecret, secret_id, client=client)
        require_kept(secret.client.workspace)
        if not secret.is_usable(now):
            raise ValidationError(f"Secret {secret_id} has expired and can't be extended. Make a new one.", code="ended")
        if secret.expires_at is None:
            raise ValidationError(f"Secret {secret_id} has no expiry date, so it can't be extended.", code="no_end")
        if seen is not None and seen != secret.expires_at:
            raise ValidationError(
                f"Somebody has changed its expiry in the meantime, to {secret.expires_at:%d %b %Y %H:%M} UTC. If that is too early, choose again.", code="stale"
            )
        if expires_at <= secret.expires_at:
            raise ValidationError(f"Secret {secret_id} already works until then. Choose a time after {secret.expires_at:%d %b %Y %H:%M} UTC.", code="not_later")
        _require_allowed(secret, expires_at)
        _move(secret, "secret.extended", expires_at, actor=actor, now=now)
    return secret


def _require_allowed(secret: ClientSecret, expires_at: datetime) -> None:
    workspace = secret.client.workspace
    latest = latest_end(secret, workspace)
    if expires_at > latest:
        length = (latest - secret.created_at) // timedelta(days=1)
        raise ValidationError(
            f"{workspace.slug} limits secrets to {length:,} day{'s' if length != 1 else ''}, so this one can work until {latest:%d %b %Y %H:%M} UTC. "
            "Choose an earlier time, or make a new secret.",
            code="against_policy",
        )


def end_secret(*, client: Client, secret_id: str, actor: Actor, now: datetime) -> ClientSecret:
    """Make a secret expire now; tokens that it obtained stay valid. No effect on an expired secret.

    Raise ValidationError if the client has no such secret.
    """
    with transaction.atomic():
        secret = lock_credential(ClientSecret, secret_id, client=client)
        if secret.is_usable(now):
            # The expiry isn't before its creation, even if it was made on a node whose clock is ahead.
            _move(secret, "secret.ended", max(now, secret.created_at), actor=actor, now=now)
            announce(Ended("ended", secret, secret.client, actor, now))
    return secret


def _move(secret: ClientSecret, event: str, expires_at: datetime, *, actor: Actor, now: datetime) -> None:
    before, secret.expires_at = secret.expires_at, expires_at
    secret.save(update_fields=["expires_at"])
    audit.record(
        event,
        workspace=secret.client.workspace,
        actor=actor,
        target_type="secret",
        target_id=secret.secret_id,
        now=now,
        before={"expires_at": iso(before)},
        after={"client_id": secret.client.client_id, "expires_at": iso(expires_at)},
    )


def give_ends(*, workspace: Workspace, lifetime: timedelta, actor: Actor, now: datetime) -> int:
    """Make every usable secret of the workspace that has no expiry, or a later one, expire after that time. Returns the number of changed secrets.

    Raise ValidationError if the workspace forbids such a long lifetime.
    """
    if lifetime < timedelta(days=1):
        raise ValidationError("Give the programs that use the secrets at least one day.", code="invalid_lifetime")
    with together(), transaction.atomic():
        locked = lock_workspace(workspace)
        ClientPolicy.of(locked).require_secret_lifetime(lifetime)
        expires_at = now + lifetime
        late = ClientSecret.objects.filter(client__workspace=locked).ending_after(expires_at, now=now)
        return set_ends(late, expires_at=expires_at, workspace=locked, actor=actor, now=now)


def set_ends(secrets: QuerySet[ClientSecret], *, expires_at: datetime, workspace: Workspace, reason: str = "", actor: Actor, now: datetime) -> int:
    """secrets: those of one workspace, which is locked. Call it together(). Returns the number of changed secrets."""
    after = {"expires_at": iso(expires_at), **({"reason": reason} if reason else {})}
    rows = list(secrets.select_related("client").select_for_update(of=("self",), no_key=True).order_by("pk"))
    changes = [Change(secret.secret_id, {"expires_at": iso(secret.expires_at)}, after) for secret in rows]
    secrets.update(expires_at=expires_at)
    audit.record_many("secret.changed", workspace=workspace, actor=actor, target_type="secret", changes=changes, now=now)
    names = (f"They expire on {expires_at:%d %b %Y %H:%M} UTC.",)
    for client in {secret.client_id: secret.client for secret in rows}.values():
        announce(Changed("an expiry date was set for secrets", client, actor, now, names=names, reason=reason))
    return len(changes)
