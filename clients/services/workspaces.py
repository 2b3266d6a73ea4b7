"""Making workspaces and their scopes."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from clients.models import Scope, Workspace
from clients.models.workspace import validate_slug
from clients.scope import validate_scope_name
from clients.services import audit
from clients.services.audit import Actor
from clients.services.validation import clean_text

_BUILT_IN_SCOPES = {
    "clients:read": "See clients, credentials, audit events and usage through the management API.",
    "clients:write": "Create and change clients and credentials through the management API.",
}
_FIRST_SCOPES = {"read": "Read what the service offers.", "write": "Change what the service offers."}


def create_workspace(*, slug: str, name: str, actor: Actor, now: datetime) -> Workspace:
    """A workspace with the built-in scopes and read and write. Raise ValidationError where the slug is malformed or taken."""
    validate_slug(slug)
    workspace = Workspace(slug=slug, name=clean_text(name or slug, field="name", max_length=100), created_at=now)
    with transaction.atomic():
        if Workspace.objects.filter(slug=slug).exists():
            raise ValidationError(f"The workspace {slug} exists already. Choose another slug.", code="slug_taken")
        workspace.save(force_insert=True)
        Scope.objects.bulk_create(
            [Scope(workspace=workspace, name=scope, description=description, is_built_in=True) for scope, description in _BUILT_IN_SCOPES.items()]
            + [Scope(workspace=workspace, name=scope, description=description) for scope, description in _FIRST_SCOPES.items()]
        )
        audit.record(
            "workspace.created",
            workspace=workspace,
            actor=actor,
            target_type="workspace",
            target_id=slug,
            now=now,
            after={"name": workspace.name, "scopes": [*_BUILT_IN_SCOPES, *_FIRST_SCOPES]},
        )
    return workspace


def create_scope(*, workspace: Workspace, name: str, description: str, actor: Actor, now: datetime) -> Scope:
    validate_scope_name(name)
    scope = Scope(workspace=workspace, name=name, description=clean_text(description, field="description", max_length=200, required=False))
    with transaction.atomic():
        if Scope.objects.filter(workspace=workspace, name=name).exists():
            raise ValidationError(f"The scope {name} exists already in {workspace.slug}.", code="scope_taken")
        scope.save(force_insert=True)
        audit.record("scope.created", workspace=workspace, actor=actor, target_type="scope", target_id=name, now=now, after={"description": scope.description})
    return scope
