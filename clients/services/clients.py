"""Creating, disabling and enabling clients."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Unpack

from django.core.exceptions import ValidationError
from django.db import transaction

from clients.certificate import ParsedCertificate
from clients.models import Client, ClientActivity, ClientCertificate, ClientPublicKey, Workspace
from clients.policy import ClientPolicy
from clients.public_key import ParsedPublicKey
from clients.services import audit
from clients.services.announcements import Changed, Edited, announce, together
from clients.services.audiences import claim_audiences
from clients.services.audit import Actor
from clients.services.certificates import insert_certificates, prepare_certificates
from clients.services.client_fields import ClientFields, build_client, clean_scopes, default_auth_methods, describe, require_method, require_policy
from clients.services.entered_values import clean_reason
from clients.services.locking import lock_client
from clients.services.public_keys import insert_public_keys, prepare_public_keys
from clients.services.secrets import NewSecret, insert_secret, prepare_secret
from clients.services.workspaces import lock_workspace, require_kept

_EVENTS = {Client.Status.ENABLED: "client.enabled", Client.Status.DISABLED: "client.disabled"}


def _insert(client: Client, *, actor: Actor, now: datetime) -> None:
    with transaction.atomic():
        locked = lock_workspace(client.workspace)
        require_kept(locked)
        # Check again, because the workspace's rules may have become stricter meanwhile.
        require_policy(client, ClientPolicy.of(locked))
        client.scopes = clean_scopes(client.workspace, client.scopes)
        claim_audiences(client.workspace, client.audiences, now=now)
        client.save(force_insert=True)
        ClientActivity.objects.create(client=client, workspace=locked)
        audit.record(
            "client.created",
            workspace=client.workspace,
            actor=actor,
            target_type="client",
            target_id=client.client_id,
            now=now,
            after=describe(client),
        )


def create_client(*, workspace: Workspace, name: str, actor: Actor, now: datetime, **fields: Unpack[ClientFields]) -> Client:
    """Make a client without credentials. If a value is invalid, raise ValidationError and write nothing."""
    client = build_client(workspace=workspace, name=name, actor=actor, now=now, **fields)
    _insert(client, actor=actor, now=now)
    return client


@dataclass(frozen=True, slots=True)
class NewClient:
    """secret: None for a client that doesn't use one."""

    client: Client
    secret: NewSecret | None
    public_keys: list[ClientPublicKey]
    certificates: list[ClientCertificate]


def create_client_with_credentials(
    *,
    workspace: Workspace,
    name: str,
    actor: Actor,
    now: datetime,
    public_keys: Sequence[ParsedPublicKey] = (),
    certificates: Sequence[ParsedCertificate] = (),
    secret_lifetime: timedelta | None = None,
    also: Callable[[NewClient], None] | None = None,
    **fields: Unpack[ClientFields],
) -> NewClient:
    """Make a client and its first credentials, all or none: the given ones, and a secret if one of its methods needs it.

    secret_lifetime: None for the workspace's default, NO_END for no expiry. also: called in the same transaction. Like create_client, raise ValidationError and
    write nothing if a value is invalid.
    """
    if "auth_methods" not in fields:
        fields["auth_methods"] = default_auth_methods(ClientPolicy.of(workspace), fields, public_keys=bool(public_keys), certificates=bool(certificates))
    client = build_client(workspace=workspace, name=name, actor=actor, now=now, **fields)
    if public_keys:
        require_method(client.auth_methods, Client.AuthMethod.PRIVATE_KEY_JWT, "public key")
    if certificates and not client.require_certificate:
        require_method(client.auth_methods, Client.AuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH, "certificate")
    if secret_lifetime is not None and not client.takes_secret:
        raise ValidationError("The client gets no secret, because none of its methods uses one. Leave the secret's expiry out.", code="no_secret")
    secret = prepare_secret(client=client, name="", lifetime=secret_lifetime, actor=actor, now=now) if client.takes_secret else None
    new = NewClient(
        client,
        secret,
        prepare_public_keys(client=client, parsed=public_keys, actor=actor, now=now),
        prepare_certificates(client=client, parsed=certificates, actor=actor, now=now),
    )
    with transaction.atomic():
        _insert(client, actor=actor, now=now)
        if secret is not None:
            insert_secret(secret.secret, actor=actor, now=now)
        insert_public_keys(new.public_keys, client=client, actor=actor, now=now)
        insert_certificates(new.certificates, client=client, actor=actor, now=now)
        if also is not None:
            also(new)
    return new


def _set_status(client: Client, status: Client.Status, *, reason: str = "", actor: Actor, now: datetime) -> Client:
    why = clean_reason(reason)
    with transaction.atomic():
        locked = lock_client(client)
        if locked.status != status:
            set_status_of([locked], status, workspace=locked.workspace, reason=why, actor=actor, now=now)
    return locked


def set_status_of(clients: Sequence[Client], status: Client.Status, *, workspace: Workspace, reason: str, actor: Actor, now: datetime) -> None:
    """clients: locked clients of that workspace that have another status."""
    Client.objects.filter(pk__in=[client.pk for client in clients]).update(status=status)
    after = {"status": status.value, **({"reason": reason} if reason else {})}
    changes = [audit.Change(client.client_id, {"status": client.status}, after) for client in clients]
    for client in clients:
        client.status = status.value
        announce(Changed(f"a client was {status.value}", client, actor, now, reason=reason))
    audit.record_many(_EVENTS[status], workspace=workspace, actor=actor, target_type="client", changes=changes, now=now)


def disable_client(*, client: Client, reason: str = "", actor: Actor, now: datetime) -> Client:
    """The client gets no more tokens, and its existing tokens don't work until it is enabled. No effect on a disabled client. reason: for the audit log."""
    return _set_status(client, Client.Status.DISABLED, reason=reason, actor=actor, now=now)


def enable_client(*, client: Client, actor: Actor, now: datetime) -> Client:
    """Undo disable_client. No effect on an enabled client."""
    return _set_status(client, Client.Status.ENABLED, actor=actor, now=now)


def hand_over_clients(*, workspace: Workspace, contact: str, to: str, is_same_person: bool = False, actor: Actor, now: datetime) -> int:
    """Give another contact to the clients with that email address as contact, in any case. Returns their number. is_same_person: whether both addresses are
    one person's.
    """
    with together(), transaction.atomic():
        lock_workspace(workspace)
        held = list(Client.objects.filter(workspace=workspace, contact__iexact=contact).select_for_update(no_key=True).order_by("pk"))
        Client.objects.filter(pk__in=[client.pk for client in held]).update(contact=to)
        changes = [audit.Change(client.client_id, {"contact": client.contact}, {"contact": to}) for client in held]
        audit.record_many("client.changed", workspace=workspace, actor=actor, target_type="client", changes=changes, now=now)
        for client in () if is_same_person else held:
            announce(Edited(client, {"contact": client.contact}, {"contact": to}, actor, now))
    return len(held)
