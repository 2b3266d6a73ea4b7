"""Creating, disabling and enabling clients."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypedDict, Unpack

from django.core.exceptions import ValidationError
from django.db import transaction

from clients.models import Client, Scope, Workspace
from clients.models.client import DEFAULT_TOKEN_LIFETIME, MAX_TOKEN_LIFETIME, MIN_TOKEN_LIFETIME
from clients.secret import generate_client_id
from clients.services import audit
from clients.services.audit import Actor
from clients.services.credentials import NewSecret, insert_secret, prepare_secret
from clients.services.validation import clean_networks, clean_resource_uri, clean_text

DEFAULT_AUTH_METHODS = (Client.AuthMethod.CLIENT_SECRET_BASIC, Client.AuthMethod.CLIENT_SECRET_POST)
MAX_LIST_LENGTH = 50


def _check_lengths(**lists: Sequence[str]) -> None:
    for name, values in lists.items():
        if len(values) > MAX_LIST_LENGTH:
            raise ValidationError(f"{len(values):,} {name} are too many. Use up to {MAX_LIST_LENGTH}.", code="too_many")


def _clean_scopes(workspace: Workspace, scopes: Sequence[str]) -> list[str]:
    known = set(Scope.objects.filter(workspace=workspace).values_list("name", flat=True))
    unknown = [scope for scope in scopes if scope not in known]
    if unknown:
        raise ValidationError(
            f"{workspace.slug} has no scope {', '.join(scope[:40] for scope in unknown[:5])}. It has {', '.join(sorted(known)[:50])}.", code="unknown_scope"
        )
    return list(dict.fromkeys(scopes))


def _clean_auth_methods(methods: Sequence[str]) -> list[str]:
    unknown = [method for method in methods if method not in Client.AuthMethod.values]
    if unknown:
        raise ValidationError(f"“{unknown[0][:40]}” isn't an authentication method. Choose from {', '.join(Client.AuthMethod.values)}.", code="unknown_method")
    return list(dict.fromkeys(str(method) for method in methods))


def _clean_token_lifetime(lifetime: timedelta) -> int:
    if not MIN_TOKEN_LIFETIME <= lifetime <= MAX_TOKEN_LIFETIME:
        raise ValidationError(f"A token lifetime of {int(lifetime.total_seconds())} s is out of range. Use 60 to 86400 seconds.", code="invalid_token_lifetime")
    return int(lifetime.total_seconds())


def describe(client: Client) -> dict[str, object]:
    """What the audit log shows of a client."""
    return {
        "name": client.name,
        "environment": client.environment,
        "status": client.status,
        "description": client.description,
        "contact": client.contact,
        "tags": client.tags,
        "auth_methods": client.auth_methods,
        "scopes": client.scopes,
        "audiences": client.audiences,
        "allowed_networks": client.allowed_networks,
        "token_lifetime": client.token_lifetime,
    }


class ClientFields(TypedDict, total=False):
    """What a client may be given besides its name. Each has a default; scopes are names, in the order in which a token gets them."""

    environment: str
    auth_methods: Sequence[str]
    scopes: Sequence[str]
    audiences: Sequence[str]
    allowed_networks: Sequence[str]
    token_lifetime: timedelta
    description: str
    contact: str
    tags: Sequence[str]


def build_client(*, workspace: Workspace, name: str, actor: Actor, now: datetime, **fields: Unpack[ClientFields]) -> Client:
    """A client that isn't saved yet, and whose scopes aren't checked yet."""
    environment = fields.get("environment", Client.Environment.LIVE)
    auth_methods = fields.get("auth_methods", DEFAULT_AUTH_METHODS)
    scopes, audiences = fields.get("scopes", ()), fields.get("audiences", ())
    networks, tags = fields.get("allowed_networks", ()), fields.get("tags", ())
    if environment not in Client.Environment.values:
        raise ValidationError(f"“{environment[:40]}” isn't an environment. Choose live or test.", code="unknown_environment")
    if not auth_methods:
        raise ValidationError(f"A client needs an authentication method. Choose from {', '.join(Client.AuthMethod.values)}.", code="required")
    _check_lengths(scopes=scopes, audiences=audiences, ranges=networks, tags=tags)
    return Client(
        client_id=generate_client_id(),
        workspace=workspace,
        name=clean_text(name, field="name", max_length=100),
        description=clean_text(fields.get("description", ""), field="description", max_length=1000, required=False),
        contact=clean_text(fields.get("contact", ""), field="contact", max_length=254, required=False),
        tags=list(dict.fromkeys(clean_text(tag, field="tag", max_length=40) for tag in tags)),
        environment=str(environment),
        auth_methods=_clean_auth_methods(auth_methods),
        scopes=list(scopes),
        audiences=list(dict.fromkeys(clean_resource_uri(audience) for audience in audiences)),
        allowed_networks=clean_networks(networks),
        token_lifetime=_clean_token_lifetime(fields.get("token_lifetime", DEFAULT_TOKEN_LIFETIME)),
        created_at=now,
        created_by=actor.name[:254],
    )


def _insert(client: Client, *, actor: Actor, now: datetime) -> None:
    with transaction.atomic():
        client.scopes = _clean_scopes(client.workspace, client.scopes)
        client.save(force_insert=True)
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
    """A client without credentials. Raise ValidationError, and write nothing, where a value makes no sense."""
    client = build_client(workspace=workspace, name=name, actor=actor, now=now, **fields)
    _insert(client, actor=actor, now=now)
    return client


def create_client_with_secret(
    *, workspace: Workspace, name: str, actor: Actor, now: datetime, secret_lifetime: timedelta | None = None, **fields: Unpack[ClientFields]
) -> NewSecret:
    """A client and its first secret, both or neither. secret_lifetime: None for no end. Raise ValidationError, and write nothing, as create_client."""
    client = build_client(workspace=workspace, name=name, actor=actor, now=now, **fields)
    new = prepare_secret(client=client, name="", lifetime=secret_lifetime, actor=actor, now=now)
    with transaction.atomic():
        _insert(client, actor=actor, now=now)
        insert_secret(new.secret, actor=actor, now=now)
    return new


def _set_status(client: Client, status: str, event: str, *, actor: Actor, now: datetime) -> Client:
    with transaction.atomic():
        locked = Client.objects.select_for_update().select_related("workspace").get(pk=client.pk)
        if locked.status != status:
            before = locked.status
            locked.status = status
            locked.save(update_fields=["status"])
            audit.record(
                event,
                workspace=locked.workspace,
                actor=actor,
                target_type="client",
                target_id=locked.client_id,
                now=now,
                before={"status": before},
                after={"status": status},
            )
    return locked


def disable_client(*, client: Client, actor: Actor, now: datetime) -> Client:
    """It gets no more tokens, and those it has are dead until it is enabled. No effect on a disabled one."""
    return _set_status(client, Client.Status.DISABLED, "client.disabled", actor=actor, now=now)


def enable_client(*, client: Client, actor: Actor, now: datetime) -> Client:
    """Undo disable_client. No effect on an enabled one."""
    return _set_status(client, Client.Status.ENABLED, "client.enabled", actor=actor, now=now)
