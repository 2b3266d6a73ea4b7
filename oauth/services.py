"""Changes of signing keys and tokens."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from clients.key_encryption import MissingKeyEncryptionKeyError, decrypt, encrypt, newest_key
from clients.models import Client
from clients.moment import iso
from clients.services import audit
from clients.services.audit import SYSTEM, Actor
from clients.services.retention import delete_along_keys, delete_in_batches
from oauth import own_revocations, replay
from oauth.database_clock import MAX_CLOCK_DIFFERENCE
from oauth.jose import generate_private_key
from oauth.models import PUBLISHED_AFTER_RETIREMENT, FailureCount, RevokedToken, SigningKey, UsedJWT

JWKS_MAX_AGE = timedelta(minutes=5)
# A cache that fetched the JWKS just before the new key was published may keep it for JWKS_MAX_AGE. The rest allows for a node whose clock is ahead.
ANNOUNCEMENT = JWKS_MAX_AGE + MAX_CLOCK_DIFFERENCE
# A revoked token's row stays for this long after the token expires. No clock is wrong by that much: without the row, a node whose clock is behind would accept
# the token.
REVOCATIONS_KEPT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class RotatedSigningKey:
    key: SigningKey
    previous: list[SigningKey]


def _new_key(algorithm: str, *, activates_at: datetime, now: datetime) -> SigningKey:
    generated = generate_private_key(algorithm)
    return SigningKey(
        kid=generated.kid,
        algorithm=algorithm,
        private_key=encrypt(generated.private_key, context=generated.kid),
        public_jwk=generated.public_jwk,
        created_at=now,
        activates_at=activates_at,
    )


def _lock_signing_keys(now: datetime) -> list[SigningKey]:
    """The keys that sign or will sign. Every key is locked, so that two changes can't overlap."""
    list(SigningKey.objects.select_for_update().order_by("pk").values_list("pk"))
    # Read after the lock is held: otherwise PostgreSQL wouldn't show a key that the previous change made.
    return list(SigningKey.objects.going_on(now))


def _retire(keys: list[SigningKey], *, at: datetime) -> None:
    for key in keys:
        key.retires_at = at if key.retires_at is None else min(at, key.retires_at)
        key.save(update_fields=["retires_at"])


def rotate_signing_key(*, actor: Actor, now: datetime, algorithm: str | None = None, immediately: bool = False) -> RotatedSigningKey:
    """Publish a new key. It starts signing once every cached JWKS is sure to contain it, or at once if immediately is set; until then the others sign.

    algorithm: None for the current key's. An instance's first key signs at once: no cache can hold a JWKS without it.
    """
    if algorithm is not None and algorithm not in SigningKey.Algorithm.values:
        raise ValidationError(f"“{algorithm[:40]}” isn't an algorithm. Choose from {', '.join(SigningKey.Algorithm.values)}.", code="unknown_algorithm")
    key = _successor(algorithm, immediately=immediately, now=now)
    with transaction.atomic():
        return _announce(key, _lock_signing_keys(now), actor=actor, now=now)


def rotate_signing_key_if_due(*, now: datetime) -> RotatedSigningKey | None:
    """Announce a successor if the newest key has signed for SIGNING_KEY_ROTATION_DAYS; None if none is due.

    If several processes and nodes call it at the same time, only one successor is made.
    """
    if not _is_due(list(SigningKey.objects.going_on(now)), now=now):
        return None
    key = _successor(None, immediately=False, now=now)
    with transaction.atomic():
        keys = _lock_signing_keys(now)
        return _announce(key, keys, actor=SYSTEM, now=now) if _is_due(keys, now=now) else None


def _is_due(keys: list[SigningKey], *, now: datetime) -> bool:
    """keys: those that sign or will sign. An announced key, of any algorithm, means that none is due."""
    if settings.SIGNING_KEY_ROTATION_DAYS == 0 or not keys:
        return False
    return max(key.activates_at for key in keys) <= now - timedelta(days=settings.SIGNING_KEY_ROTATION_DAYS)


def _successor(algorithm: str | None, *, immediately: bool, now: datetime) -> SigningKey:
    """Make it before anything is locked, because generating an RSA key takes a while."""
    signing = SigningKey.objects.usable_for_signing(now).first()
    activates_at = now if immediately or signing is None else now + ANNOUNCEMENT
    return _new_key(algorithm or (signing.algorithm if signing else SigningKey.Algorithm.ES256), activates_at=activates_at, now=now)


def _announce(key: SigningKey, previous: list[SigningKey], *, actor: Actor, now: datetime) -> RotatedSigningKey:
    before = {old.kid: iso(old.retires_at) for old in previous}
    _retire(previous, at=key.activates_at)
    key.save(force_insert=True)
    audit.record(
        "signing_key.rotated",
        workspace=None,
        actor=actor,
        target_type="signing_key",
        target_id=key.kid,
        now=now,
        before={"retires_at": before},
        after={
            "algorithm": key.algorithm,
            "activates_at": iso(key.activates_at),
            "retires_at": {old.kid: iso(old.retires_at) for old in previous},
        },
    )
    return RotatedSigningKey(key, previous)


def revoke_signing_key(*, kid: str, actor: Actor, now: datetime) -> tuple[SigningKey, SigningKey]:
    """Take a stolen key out of the JWKS at once; every token that it signed stops working. No effect on a revoked key.

    Returns it and the key that signs from now on: another existing one, or a new one.
    """
    replacement = _new_key(_algorithm_of(kid), activates_at=now, now=now)
    with transaction.atomic():
        keys = _lock_signing_keys(now)
        key = SigningKey.objects.get(kid=kid)
        if key.revoked_at is None:
            key.revoked_at = now
            key.save(update_fields=["revoked_at"])
            audit.record(
                "signing_key.revoked",
                workspace=None,
                actor=actor,
                target_type="signing_key",
                target_id=kid,
                now=now,
                before={"revoked_at": None},
                after={"revoked_at": iso(now)},
            )
        signing = _go_on_signing([left for left in keys if left.pk != key.pk], replacement=replacement, actor=actor, now=now)
    return key, signing


def _go_on_signing(keys: list[SigningKey], *, replacement: SigningKey, actor: Actor, now: datetime) -> SigningKey:
    """Make sure that at every moment from now on one of keys signs, or replacement if keys is empty. Returns the key that signs now.

    Each key signs until the next one does, because a key's planned end may be the start of the revoked key. A key that was announced as the revoked key's
    successor signs at once, so that tokens can still be issued.
    """
    before = {key.kid: _times(key) for key in keys}
    keys = sorted(keys, key=lambda key: (key.activates_at, key.pk)) or [replacement]
    if keys[0].activates_at > now:
        keys[0].activates_at = now
    for key, successor in zip_longest(keys, keys[1:]):
        key.retires_at = successor.activates_at if successor else None
        if before.get(key.kid) != _times(key):
            key.save()
            audit.record(
                "signing_key.rescheduled" if key.kid in before else "signing_key.created",
                workspace=None,
                actor=actor,
                target_type="signing_key",
                target_id=key.kid,
                now=now,
                before=before.get(key.kid),
                after={"algorithm": key.algorithm, **_times(key)},
            )
    return [key for key in keys if key.activates_at <= now][-1]


def _times(key: SigningKey) -> dict[str, str | None]:
    return {"activates_at": iso(key.activates_at), "retires_at": iso(key.retires_at)}


def _algorithm_of(kid: str) -> str:
    key = SigningKey.objects.filter(kid=kid).first()
    if key is None:
        raise ValidationError(f"There is no signing key “{kid[:80]}”. The JWKS lists the keys.", code="unknown_key")
    return key.algorithm


def reencrypt_keys(*, actor: Actor, now: datetime) -> int:
    """Re-encrypt every private key under the first of KEY_ENCRYPTION_KEYS. Returns how many were under another key. All or none.

    Raise MissingKeyEncryptionKeyError if the list lacks the key for one that signs or will sign. A key that never signs again may stay unreadable.
    """
    with transaction.atomic():
        needed = {key.pk for key in _lock_signing_keys(now)}
        stale = []
        for key in SigningKey.objects.exclude(private_key=""):
            if key.private_key.partition(":")[0] == newest_key().id:
                continue
            try:
                key.private_key = encrypt(decrypt(key.private_key, context=key.kid), context=key.kid)
            except MissingKeyEncryptionKeyError:
                if key.pk in needed:
                    raise
            else:
                key.save(update_fields=["private_key"])
                stale.append(key)
        if stale:
            audit.record(
                "signing_key.reencrypted",
                workspace=None,
                actor=actor,
                target_type="signing_key",
                target_id=", ".join(key.kid for key in stale)[:254],
                now=now,
                after={"key_encryption_key": newest_key().id},
            )
    return len(stale)


def revoke_token(*, client: Client, credential: str, jti: str, expires_at: datetime, actor: Actor, now: datetime) -> None:
    """Revoke one token by its jti. No effect on a revoked one. credential: the one that obtained it, as the token names it.

    If a client revokes many of its own tokens, some get no audit event (oauth.own_revocations).
    """
    with transaction.atomic():
        fields = {"client": client, "credential": credential, "expires_at": expires_at, "revoked_at": now}
        _, created = RevokedToken.objects.get_or_create(jti=jti, defaults=fields)
        if created and (actor.name != f"client:{client.client_id}" or own_revocations.is_one_of_few(client, now=now)):
            audit.record(
                "token.revoked",
                workspace=client.workspace,
                actor=actor,
                target_type="token",
                target_id=jti,
                now=now,
                after={"client_id": client.client_id, "expires_at": iso(expires_at)},
            )


def prune(*, now: datetime) -> dict[str, int]:
    """Remove rows that can no longer matter. Returns how many were removed, by table. Signing keys stay, without their private key: there are only a few a
    year, and the audit log names them.

    now: the time by the clock that all processes share, oauth.database_clock.
    """
    # This comes before their counts are removed.
    own_revocations.record_rest(now=now)
    return {
        "private_keys": _remove_private_keys(now),
        "revoked_tokens": delete_in_batches(RevokedToken.objects.filter(expires_at__lt=now - REVOCATIONS_KEPT)),
        "used_jwts": _prune_used_jwts(now),
        "failure_counts": delete_in_batches(FailureCount.objects.filter(window_ends__lt=int(now.timestamp()))),
    }


def _remove_private_keys(now: datetime) -> int:
    """Only keys that never sign again lose them, so that they can't be stolen. A node whose clock is behind may use its key a while longer, so this waits
    longer too.
    """
    with transaction.atomic():
        over = Q(revoked_at__isnull=False) | Q(retires_at__lte=now - PUBLISHED_AFTER_RETIREMENT - REVOCATIONS_KEPT)
        keys = list(SigningKey.objects.select_for_update().filter(over).exclude(private_key=""))
        for key in keys:
            key.private_key = ""
            key.save(update_fields=["private_key"])
            audit.record("signing_key.private_half_removed", workspace=None, actor=SYSTEM, target_type="signing_key", target_id=key.kid, now=now)
    return len(keys)


def _prune_used_jwts(now: datetime) -> int:
    seconds = int(now.timestamp())
    replay.forget_before(seconds)
    return sum(delete_along_keys(UsedJWT.objects.filter(expires_at__lt=seconds)))
