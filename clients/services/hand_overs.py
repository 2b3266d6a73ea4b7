"""Hands a client's credentials over to the person who runs it, by a link that works once: it makes one secret or accepts one public key.

The link's token has 256 random bits, and only its SHA-256 is stored: the digest can't be inverted, so a stolen database reveals no link.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction

from clients.duration import NO_END
from clients.models import Client, ClientPublicKey, HandOver, Workspace
from clients.models.hand_over import HandOverQuerySet
from clients.moment import iso
from clients.policy import ClientPolicy
from clients.public_key import ParsedPublicKey
from clients.services import audit
from clients.services.announcements import Changed, HandedOver, announce
from clients.services.audit import Actor
from clients.services.entered_values import clean_text
from clients.services.locking import lock_client
from clients.services.public_keys import insert_public_keys, prepare_public_keys
from clients.services.retention import delete_in_batches
from clients.services.secrets import NewSecret, insert_secret, prepare_secret
from clients.services.workspaces import lock_workspace, require_kept

MAX_LIFETIME = timedelta(days=7)
MAX_OPEN = 20
# There is a limit because the links can be mailed to any address.
MAX_AN_HOUR = 200
# Expired links stay for this long, so that people can see whether they were used.
KEPT = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class NewHandOver:
    """plaintext: the token, which only goes into the link."""

    hand_over: HandOver
    plaintext: str


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def create_hand_over(
    *,
    client: Client,
    recipient: str,
    lifetime: timedelta,
    secret_lifetime: timedelta | None,
    actor: Actor,
    now: datetime,
    also: Callable[[NewHandOver], None] | None = None,
) -> NewHandOver:
    """recipient: the person that it is for, "" for anybody with the link. lifetime: the link's. secret_lifetime: None for the workspace's default, or NO_END.

    also: called in the same transaction. Raise ValidationError, also if the client could use neither a secret nor a public key.
    """
    if not timedelta() < lifetime <= MAX_LIFETIME:
        raise ValidationError("A link can work for at most 7 days.", code="invalid_lifetime")
    cleaned = clean_text(recipient, field="recipient", max_length=254, required=False, redacts=True)
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        locked = _lock_usable(client)
        chosen = ClientPolicy.of(locked.workspace).choose_secret_lifetime(secret_lifetime) if locked.takes_secret else None
        _refuse_too_many(locked, now=now)
        hand_over = HandOver.objects.create(
            client=locked,
            token_digest=digest_of(token),
            recipient=cleaned,
            secret_lifetime=None if chosen is None else int(chosen.total_seconds()),
            created_at=now,
            created_by=actor.name[:254],
            expires_at=now + lifetime,
        )
        _record("hand_over.created", hand_over, actor=actor, now=now, after={"expires_at": iso(hand_over.expires_at)})
        announce(Changed("a hand-over link was made", locked, actor, now, names=(f"for {cleaned}",) if cleaned else ()))
        new = NewHandOver(hand_over, token)
        if also is not None:
            also(new)
    return new


def _lock_usable(client: Client) -> Client:
    locked = lock_client(client)
    require_kept(locked.workspace)
    if locked.status != Client.Status.ENABLED:
        raise ValidationError("The client is disabled. Enable it before you hand it over.", code="disabled_client")
    if not locked.takes_secret and not locked.takes_public_key:
        methods = " or ".join(locked.auth_methods)
        raise ValidationError(f"{locked.name} authenticates only by {methods}, so there is no secret or key to hand over.", code="method_not_allowed")
    return locked


def _refuse_too_many(client: Client, *, now: datetime) -> None:
    if HandOver.objects.open(now).filter(client=client).count() >= MAX_OPEN:
        raise ValidationError(f"The client has {MAX_OPEN} open links. Withdraw one before you make another.", code="too_many_hand_overs")
    made = HandOver.objects.filter(client__workspace=client.workspace, expires_at__gt=now - timedelta(hours=1), created_at__gt=now - timedelta(hours=1))
    if made.count() >= MAX_AN_HOUR:
        raise ValidationError(f"A workspace can make at most {MAX_AN_HOUR} links an hour. Try again later.", code="too_many_hand_overs")


def withdraw_hand_over(*, client: Client, pk: int, actor: Actor, now: datetime) -> HandOver:
    """Make the link stop working. No effect on a withdrawn link. Raise HandOver.DoesNotExist, and ValidationError if it has been used meanwhile."""
    with transaction.atomic():
        lock_client(client)
        locked = HandOver.objects.select_for_update(of=("self",)).select_related("client__workspace").get(client=client, pk=pk)
        if locked.used_at is not None:
            raise ValidationError(f"The link has already been used, for {locked.credential}. Revoke that instead.", code="used_hand_over")
        if locked.withdrawn_at is None:
            locked.withdrawn_at = now
            locked.save(update_fields=["withdrawn_at"])
            _record("hand_over.withdrawn", locked, actor=actor, now=now)
    return locked


def withdraw_all(*, found: HandOverQuerySet, workspace: Workspace, reason: str, actor: Actor, now: datetime) -> int:
    """Withdraw the workspace's open links among found, for example when their maker loses the right to them. Returns their number. reason: a sentence."""
    with transaction.atomic():
        lock_workspace(workspace)
        rows = list(found.select_for_update(of=("self",)).select_related("client__workspace").order_by("pk"))
        HandOver.objects.filter(pk__in=[row.pk for row in rows]).update(withdrawn_at=now)
        for row in rows:
            _record("hand_over.withdrawn", row, actor=actor, now=now, after={"reason": reason})
    return len(rows)


def note_opening(*, hand_over: HandOver, now: datetime) -> None:
    """Note the first time that somebody opens its page. This isn't a change, so there is no audit event."""
    HandOver.objects.filter(pk=hand_over.pk, opened_at=None).update(opened_at=now)


def use_for_secret(*, hand_over: HandOver, is_allowed: Callable[[HandOver], bool], actor: Actor, now: datetime) -> NewSecret:
    """Make the secret that the link is for. actor: the recipient's address and request; its name follows from the link.

    is_allowed: whether its maker may still hand over, called under the lock. Raise HandOver.DoesNotExist if the link is no longer usable. Raise ValidationError
    if the client can't have another secret; the link stays usable.
    """
    client, by = hand_over.client, _actor(hand_over, actor)
    lifetime = NO_END if hand_over.secret_lifetime is None else timedelta(seconds=hand_over.secret_lifetime)
    if not client.takes_secret:
        raise ValidationError(f"{client.name} no longer uses a secret. Ask the person who gave you the link.", code="method_not_allowed")
    new = prepare_secret(client=client, name=_name(hand_over), lifetime=lifetime, actor=by, now=now)
    with transaction.atomic():
        locked = _lock_open(hand_over, is_allowed, now)
        insert_secret(new.secret, actor=by, now=now)
        _mark_used(locked, new.secret.secret_id, actor=by, now=now)
    return new


def use_for_public_key(*, hand_over: HandOver, parsed: ParsedPublicKey, is_allowed: Callable[[HandOver], bool], actor: Actor, now: datetime) -> ClientPublicKey:
    """Give the client that key instead of a secret. Otherwise like use_for_secret."""
    client, by = hand_over.client, _actor(hand_over, actor)
    if not client.takes_public_key:
        raise ValidationError(f"{client.name} can't use a public key. Ask the person who gave you the link.", code="method_not_allowed")
    with transaction.atomic():
        locked = _lock_open(hand_over, is_allowed, now)
        [key] = prepare_public_keys(client=client, parsed=[parsed], name=_name(hand_over), actor=by, now=now)
        insert_public_keys([key], client=client, actor=by, now=now)
        _mark_used(locked, f"key:{key.kid}", actor=by, now=now)
    return key


def _lock_open(hand_over: HandOver, is_allowed: Callable[[HandOver], bool], now: datetime) -> HandOver:
    """If several requests come at once, the first uses the link; for the others it no longer exists."""
    try:
        lock_client(hand_over.client)
    except ValidationError:
        raise HandOver.DoesNotExist from None
    locked = HandOver.objects.select_for_update(of=("self",)).select_related("client__workspace").usable(now).get(pk=hand_over.pk)
    if not is_allowed(locked):
        raise HandOver.DoesNotExist
    return locked


def _mark_used(locked: HandOver, credential: str, *, actor: Actor, now: datetime) -> None:
    locked.used_at, locked.used_from, locked.credential = now, actor.address or None, credential
    locked.save(update_fields=["used_at", "used_from", "credential"])
    _record("hand_over.used", locked, actor=actor, now=now, after={"credential": credential})
    announce(HandedOver(locked))


def _actor(hand_over: HandOver, actor: Actor) -> Actor:
    return replace(actor, name=f"hand-over:{hand_over.pk} {hand_over.recipient}".strip())


def _name(hand_over: HandOver) -> str:
    return hand_over.recipient[:100].strip()


def _record(event: str, hand_over: HandOver, *, actor: Actor, now: datetime, after: dict[str, str | None] | None = None) -> None:
    """The event is about the client, so that it stays among the client's events after the link is removed."""
    client = hand_over.client
    said = {"hand_over": hand_over.pk, "recipient": hand_over.recipient, **(after or {})}
    audit.record(event, workspace=client.workspace, actor=actor, target_type="client", target_id=client.client_id, now=now, after=said)


def prune(*, now: datetime) -> int:
    """Remove links that expired long ago. Returns their number."""
    return delete_in_batches(HandOver.objects.filter(expires_at__lt=now - KEPT))
