"""Which workspace owns an audience. A resource server recognises a token by its audience, so no workspace may use another's: it could issue tokens with any
scopes.
"""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from clients.audience import audience_key, is_of_another_workspace, workspace_audience
from clients.models import Audience, Client, Workspace
from clients.services import audit
from clients.services.audit import Actor
from clients.services.entered_values import clean_resource_uri, require_plain_uris
from clients.services.workspaces import lock_workspace, require_kept


@dataclass(frozen=True, slots=True)
class ForeignAudience:
    """A client's audience that its workspace doesn't own: no token is issued for it. owner: the owning workspace's slug, None if that workspace is deleted or
    if the instance itself owns the audience.
    """

    client: Client
    uri: str
    owner: str | None


@dataclass(frozen=True, slots=True)
class HandedOver:
    """previous: slug of the previous owner, None if there was none. withheld: clients that get no more tokens for it. released: clients that get them
    again."""

    audience: Audience
    previous: str | None
    withheld: int
    released: int


def require_own_audiences(workspace: Workspace, uris: Sequence[str]) -> None:
    """Raise ValidationError if another workspace owns one of them now."""
    own = workspace_audience(workspace.slug)
    foreign = next((uri for uri in uris if is_of_another_workspace(uri, workspace=workspace.slug, issuer=settings.ISSUER_URL)), None)
    if foreign is not None:
        raise ValidationError(
            f"{foreign[:80]} is an address of this instance. Of these addresses, {workspace.slug} can only use {own}, spelled exactly like this.",
            code="invalid_audience",
        )
    if Audience.objects.filter(key__in=_keys(uris, own)).exclude(workspace=workspace).exists():
        raise ValidationError(_say_taken(uris, workspace), code="audience_taken")


def claim_audiences(workspace: Workspace, uris: Sequence[str], *, now: datetime) -> None:
    """Make the workspace own the audiences that have no owner. Call it in the transaction that gives them to a client. Raise ValidationError, also if another
    workspace was faster.
    """
    keys = _keys(uris, workspace_audience(workspace.slug))
    rows = [Audience(workspace=workspace, key=key, uri=uri, created_at=now) for key, uri in sorted(keys.items())]
    # This waits for another transaction that is claiming one of them, and then sees its result.
    Audience.objects.bulk_create(rows, ignore_conflicts=True)
    require_own_audiences(workspace, uris)


def _keys(uris: Iterable[str], own: str) -> dict[str, str]:
    """key → URI, for the URIs that can belong to a workspace."""
    return {audience_key(uri): uri for uri in uris if uri != own}


def _say_taken(uris: Sequence[str], workspace: Workspace) -> str:
    taken = set(Audience.objects.filter(key__in=map(audience_key, uris)).exclude(workspace=workspace).values_list("key", flat=True))
    uri = next(uri for uri in uris if audience_key(uri) in taken)
    return (
        f"{uri[:80]} belongs to another workspace of this instance, whose API accepts no tokens of {workspace.slug}. "
        f"The operator of this instance can hand it over: .venv/bin/python manage.py hand_over_audience {shlex.quote(uri)} --workspace {workspace.slug}"
    )


def find_foreign_audiences() -> Iterator[ForeignAudience]:
    """The foreign audiences of the whole instance, for the operator, sorted by workspace and client."""
    slugs = dict(Workspace.objects.values_list("pk", "slug"))
    owners = dict(Audience.objects.values_list("key", "workspace_id"))
    by_own = {audience_key(workspace_audience(slug)): slug for slug in slugs.values()}
    for client in Client.objects.exclude(audiences=[]).select_related("workspace").order_by("workspace__slug", "pk").iterator(1000):
        for uri in client.audiences:
            key = audience_key(uri)
            if is_of_another_workspace(uri, workspace=client.workspace.slug, issuer=settings.ISSUER_URL):
                yield ForeignAudience(client, uri, by_own.get(key))
            elif uri in client.withheld_audiences or owners.get(key, client.workspace_id) != client.workspace_id:
                yield ForeignAudience(client, uri, slugs.get(owners.get(key, 0)))


def say_foreign(foreign: ForeignAudience) -> str:
    """Sentences for the operator about the fault and the remedy."""
    client, slug = foreign.client, foreign.client.workspace.slug
    said = f"{client.client_id} ({client.name}) of {slug} has the audience {foreign.uri}"
    if is_of_another_workspace(foreign.uri, workspace=slug, issuer=settings.ISSUER_URL):
        whose = f"the workspace {foreign.owner}" if foreign.owner else "this instance itself"
        remedy = f"Remove it from the client: .venv/bin/python manage.py update_client {client.client_id} --audience …"
        return f"{said}, which belongs to {whose}. No token is issued for it. {remedy}"
    whose = f"belongs to the workspace {foreign.owner}" if foreign.owner else "belonged to a workspace that was deleted"
    return (
        f"{said}, which {whose}. No token is issued for it. Remove it from the client, or hand it over: "
        f".venv/bin/python manage.py hand_over_audience {shlex.quote(foreign.uri)} --workspace {slug}"
    )


def hand_over_audience(*, uri: str, workspace: Workspace, actor: Actor, now: datetime) -> HandedOver:
    """Make that workspace own the audience, even if another one owned it. Other workspaces' clients keep it in their list but get no more tokens for it; their
    existing tokens stay as they are. No effect if that workspace owns it already. Raise ValidationError.
    """
    cleaned = clean_resource_uri(uri)
    if cleaned == workspace_audience(workspace.slug) or is_of_another_workspace(cleaned, workspace=workspace.slug, issuer=settings.ISSUER_URL):
        raise ValidationError(f"{cleaned[:80]} is an address of this instance and can't be handed over. Give the URI of an API.", code="invalid_audience")
    key = audience_key(cleaned)
    with transaction.atomic():
        # Lock all workspaces, so that the audience can't be registered or handed over meanwhile.
        locked = {one.pk: one for one in Workspace.objects.select_for_update(no_key=True).order_by("pk")}
        target = lock_workspace(workspace)
        require_kept(target)
        audience, is_new = Audience.objects.get_or_create(key=key, defaults={"workspace": target, "uri": cleaned, "created_at": now})
        if is_new:
            require_plain_uris([audience.uri])
        previous = locked[audience.workspace_id] if audience.workspace_id != target.pk else None
        audience.workspace = target
        audience.save(update_fields=["workspace"])
        withheld = _withhold(key, previous) if previous is not None else []
        released = _release(key, target)
        if previous is not None:
            _record(audience, previous, {"belongs_to_workspace": False, "clients": len(withheld)}, actor=actor, now=now)
        if previous is not None or is_new or released:
            _record(audience, target, {"belongs_to_workspace": True, "clients": len(released)}, actor=actor, now=now)
    return HandedOver(audience, previous.slug if previous is not None else None, len(withheld), len(released))


def _record(audience: Audience, workspace: Workspace, after: Mapping[str, object], *, actor: Actor, now: datetime) -> None:
    audit.record("audience.handed_over", workspace=workspace, actor=actor, target_type="audience", target_id=audience.uri[:254], now=now, after=after)


def _having(key: str, workspace: Workspace) -> Iterator[tuple[Client, list[str]]]:
    """The workspace's clients that have the audience, locked, each with its spelling of it."""
    for client in Client.objects.filter(workspace=workspace).exclude(audiences=[]).select_for_update(no_key=True).order_by("pk"):
        spelled = [uri for uri in client.audiences if audience_key(uri) == key]
        if spelled:
            yield client, spelled


def _withhold(key: str, workspace: Workspace) -> list[Client]:
    clients = []
    for client, spelled in _having(key, workspace):
        client.withheld_audiences = list(dict.fromkeys([*client.withheld_audiences, *spelled]))
        clients.append(client)
    Client.objects.bulk_update(clients, ["withheld_audiences"], batch_size=500)
    return clients


def _release(key: str, workspace: Workspace) -> list[Client]:
    clients = []
    for client, spelled in _having(key, workspace):
        if not set(spelled).isdisjoint(client.withheld_audiences):
            client.withheld_audiences = [uri for uri in client.withheld_audiences if uri not in spelled]
            clients.append(client)
    Client.objects.bulk_update(clients, ["withheld_audiences"], batch_size=500)
    return clients
