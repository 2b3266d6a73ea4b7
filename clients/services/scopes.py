"""Makes, describes and removes a workspace's scopes, and removes its clients' audiences."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from clients.models import Client, Scope, Workspace
from clients.scope import validate_scope_name
from clients.services import audit
from clients.services.announcements import Changed, announce, together
from clients.services.audit import Actor, Change
from clients.services.entered_values import clean_text
from clients.services.workspaces import lock_workspace, require_kept

MAX_SCOPES = 1000


def _clean_description(description: str) -> str:
    return clean_text(description, field="description", max_length=200, required=False)


def create_scope(*, workspace: Workspace, name: str, description: str, actor: Actor, now: datetime) -> Scope:
    """Raise ValidationError if the name is malformed or taken."""
    validate_scope_name(name)
    scope = Scope(workspace=workspace, name=name, description=_clean_description(description))
    with transaction.atomic():
        require_kept(lock_workspace(workspace))
        if Scope.objects.filter(workspace=workspace, name=name).exists():
            raise ValidationError(f"The scope {name} already exists in {workspace.slug}.", code="scope_taken")
        if Scope.objects.filter(workspace=workspace).count() >= MAX_SCOPES:
            raise ValidationError(f"{workspace.slug} has {MAX_SCOPES:,} scopes. Remove one before you add another.", code="too_many_scopes")
        scope.save(force_insert=True)
        audit.record("scope.created", workspace=workspace, actor=actor, target_type="scope", target_id=name, now=now, after={"description": scope.description})
    return scope


def change_scope(*, scope: Scope, description: str, actor: Actor, now: datetime) -> Scope:
    """Change its description; the name is in tokens and can't change. Raise ValidationError for a built-in scope and for a removed one."""
    cleaned = _clean_description(description)
    with transaction.atomic():
        lock_workspace(scope.workspace)
        locked = _lock_own(scope)
        if locked.description != cleaned:
            before, locked.description = locked.description, cleaned
            locked.save(update_fields=["description"])
            audit.record(
                "scope.changed",
                workspace=locked.workspace,
                actor=actor,
                target_type="scope",
                target_id=locked.name,
                now=now,
                before={"description": before},
                after={"description": cleaned},
            )
    return locked


def remove_scope(*, scope: Scope, actor: Actor, now: datetime) -> int:
    """Remove the scope from the workspace and from every client that has it; tokens keep it until they expire. Returns the number of these clients.

    Raise ValidationError for a built-in scope and for a removed one.
    """
    with together(), transaction.atomic():
        lock_workspace(scope.workspace)
        locked = _lock_own(scope)
        clients = list(Client.objects.filter(workspace=locked.workspace).with_scope(locked.name).select_for_update(no_key=True).order_by("pk"))
        changes = []
        for client in clients:
            left = [name for name in client.scopes if name != locked.name]
            changes.append(Change(client.client_id, {"scopes": client.scopes}, {"scopes": left}))
            client.scopes = left
        Client.objects.bulk_update(clients, ["scopes"], batch_size=500)
        audit.record_many("client.changed", workspace=locked.workspace, actor=actor, target_type="client", changes=changes, now=now)
        audit.record(
            "scope.removed",
            workspace=locked.workspace,
            actor=actor,
            target_type="scope",
            target_id=locked.name,
            now=now,
            before={"description": locked.description, "clients": len(clients)},
        )
        locked.delete()
        for client in clients:
            announce(Changed("a scope was removed", client, actor, now, names=(locked.name,)))
    return len(clients)


def remove_audience(*, workspace: Workspace, audience: str, actor: Actor, now: datetime) -> int:
    """Remove the audience from every client that has it; tokens keep it until they expire. Returns the number of these clients.

    A client that has none left gets tokens for the workspace's own audience. Raise ValidationError if no client has it.
    """
    with together(), transaction.atomic():
        locked = lock_workspace(workspace)
        clients = list(Client.objects.filter(workspace=locked).with_audience(audience).select_for_update(no_key=True).order_by("pk"))
        if not clients:
            raise ValidationError(f"No client of {locked.slug} has the audience {audience[:80]} any longer.", code="unknown_audience")
        changes = []
        for client in clients:
            left = [uri for uri in client.audiences if uri != audience]
            changes.append(Change(client.client_id, {"audiences": client.audiences}, {"audiences": left}))
            client.audiences = left
            client.withheld_audiences = [uri for uri in client.withheld_audiences if uri != audience]
        Client.objects.bulk_update(clients, ["audiences", "withheld_audiences"], batch_size=500)
        audit.record_many("client.changed", workspace=locked, actor=actor, target_type="client", changes=changes, now=now)
        audit.record(
            "audience.removed", workspace=locked, actor=actor, target_type="audience", target_id=audience[:254], now=now, before={"clients": len(clients)}
        )
        for client in clients:
            announce(Changed("an audience was removed", client, actor, now, names=(audience,)))
    return len(clients)


def _lock_own(scope: Scope) -> Scope:
    locked = Scope.objects.select_for_update(of=("self",)).select_related("workspace").filter(pk=scope.pk).first()
    if locked is None:
        raise ValidationError(f"The scope {scope.name} no longer exists.", code="unknown_scope")
    if locked.is_built_in:
        raise ValidationError(f"{locked.name} is built in, for the management API, so it can’t be changed or removed.", code="built_in_scope")
    return locked
