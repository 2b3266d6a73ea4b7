"""Makes and changes workspaces."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypedDict, Unpack

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from clients.models import AuditEvent, Scope, Workspace
from clients.models.workspace import validate_slug
from clients.policy import ClientPolicy
from clients.services import audit, retention
from clients.services.audit import Actor
from clients.services.entered_values import clean_text

_BUILT_IN_SCOPES = {
    "clients:read": "For the management API, which doesn’t exist yet: see clients, credentials, audit events and usage.",
    "clients:write": "For the management API, which doesn’t exist yet: create and change clients and credentials.",
}
_FIRST_SCOPES = {"read": "Read what the service offers.", "write": "Change what the service offers."}


def create_workspace(*, slug: str, name: str, actor: Actor, now: datetime) -> Workspace:
    """Make a workspace with the built-in scopes, read and write. Raise ValidationError if the slug is malformed or taken.

    A removed workspace's slug stays taken as long as its audit events are kept: the database refuses it.
    """
    validate_slug(slug)
    workspace = Workspace(slug=slug, name=clean_text(name or slug, field="name", max_length=100), created_at=now)
    with transaction.atomic():
        try:
            with transaction.atomic():
                workspace.save(force_insert=True)
        except IntegrityError:
            is_removed = AuditEvent.objects.filter(workspace_slug=slug).exclude(workspace_slug="").exists()
            problem = "was removed, and its audit events are kept under that name" if is_removed else "already exists"
            raise ValidationError(f"The workspace {slug} {problem}. Choose another slug.", code="slug_taken") from None
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


def lock_workspace(workspace: Workspace) -> Workspace:
    """Lock the workspace until the transaction ends, and return the current row. Raise ValidationError if it is deleted."""
    # no_key: rows that only refer to it, such as refused requests, don't have to wait.
    locked = Workspace.objects.select_for_update(no_key=True).filter(pk=workspace.pk).first()
    if locked is None:
        raise ValidationError(f"The workspace {workspace.slug} no longer exists.", code="unknown_workspace")
    return locked


def require_kept(workspace: Workspace) -> None:
    """Raise ValidationError if the workspace is scheduled for deletion: nothing new can be made in it."""
    if workspace.deletes_at is not None:
        raise ValidationError(
            f"{workspace.slug} will be deleted on {workspace.deletes_at:%d %b %Y %H:%M} UTC. Until then, an owner can keep it in its settings.",
            code="workspace_deleted",
        )


class WorkspaceFields(TypedDict, total=False):
    """The fields of a workspace that can be changed, see Workspace. Retention is in days."""

    name: str
    allowed_auth_methods: Sequence[str]
    requires_secret_expiry: bool
    default_secret_lifetime_days: int | None
    max_secret_lifetime_days: int | None
    max_token_lifetime: int | None
    disable_unused_after_days: int | None
    request_retention_days: int | None
    audit_retention_days: int | None


@dataclass(frozen=True, slots=True)
class Difference:
    """The changed fields with their old and new values."""

    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)


def write_fields(locked: Workspace, fields: WorkspaceFields) -> Difference:
    """The first half of change_workspace, for callers that add more to its event. locked: the row from lock_workspace. Raise ValidationError."""
    wanted: dict[str, Any] = dict(fields)
    if "name" in wanted:
        wanted["name"] = clean_text(wanted["name"], field="name", max_length=100)
    if "allowed_auth_methods" in wanted:
        wanted["allowed_auth_methods"] = [str(method) for method in dict.fromkeys(wanted["allowed_auth_methods"])]
    difference = Difference()
    for name, value in wanted.items():
        if getattr(locked, name) != value:
            difference.before[name], difference.after[name] = getattr(locked, name), value
            setattr(locked, name, value)
    ClientPolicy.of(locked).require_consistency()
    retention.require_range(locked)
    if difference.after:
        locked.save(update_fields=list(difference.after))
    return difference


def record_change(workspace: Workspace, difference: Difference, *, actor: Actor, now: datetime) -> None:
    """If nothing changed, nothing is recorded."""
    if difference.after:
        audit.record(
            "workspace.changed",
            workspace=workspace,
            actor=actor,
            target_type="workspace",
            target_id=workspace.slug,
            now=now,
            before=difference.before,
            after=difference.after,
        )


def change_workspace(*, workspace: Workspace, actor: Actor, now: datetime, **fields: Unpack[WorkspaceFields]) -> Workspace:
    """Change the given fields and return the changed row. Raise ValidationError under the name of the wrong field."""
    with transaction.atomic():
        locked = lock_workspace(workspace)
        record_change(locked, write_fields(locked, fields), actor=actor, now=now)
    return locked
