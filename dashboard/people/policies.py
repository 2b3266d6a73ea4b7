"""A workspace's policies for its clients (clients.policy) and for its people, together: reading them, comparing how strict they are, and changing them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Self

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.text import get_text_list

from clients.disuse import can_tell
from clients.models import Client, Workspace
from clients.policy import ClientPolicy
from clients.services import workspaces
from clients.services.audit import Actor
from clients.services.workspaces import WorkspaceFields
from dashboard.models import AccessPolicy, Membership
from dashboard.people.permissions import Permission, Role, may, roles_from

_OF_PEOPLE = ("requires_second_factor", "requires_sso", "live_clients_from")
_OF_CLIENTS = tuple(name for name in ClientPolicy.__dataclass_fields__ if name != "workspace")
FIELDS = ("name", *_OF_CLIENTS, *_OF_PEOPLE)


@dataclass(frozen=True, slots=True)
class Policies:
    """live_clients_from: the lowest role that may make live clients."""

    clients: ClientPolicy
    requires_second_factor: bool = False
    requires_sso: bool = False
    live_clients_from: str = Role.DEVELOPER

    @classmethod
    def of(cls, workspace: Workspace) -> Self:
        people = AccessPolicy.objects.filter(workspace=workspace).first() or AccessPolicy(workspace=workspace)
        return cls(ClientPolicy.of(workspace), *(getattr(people, name) for name in _OF_PEOPLE))

    def changed(self, values: Mapping[str, Any]) -> Self:
        """values: by the names in FIELDS; others are ignored."""
        of_clients = {name: values[name] for name in _OF_CLIENTS if name in values}
        if "allowed_auth_methods" in of_clients:
            of_clients["allowed_auth_methods"] = tuple(of_clients["allowed_auth_methods"])
        of_people = {name: values[name] for name in _OF_PEOPLE if name in values}
        return replace(self, clients=replace(self.clients, **of_clients), **of_people)

    def stricter_than(self, other: "Policies") -> set[str]:
        """The respects in which they are stricter: some of methods, secrets, tokens, unused, second_factor, sso, live_clients."""
        own, others = self.clients, other.clients
        found = {
            "methods": bool(set(own.forbidden_auth_methods) - set(others.forbidden_auth_methods)),
            "secrets": (own.demands_secret_expiry and not others.demands_secret_expiry)
            or _is_less(own.max_secret_lifetime_days, others.max_secret_lifetime_days),
            "tokens": _is_less(own.max_token_lifetime, others.max_token_lifetime),
            "unused": _is_less(own.disable_unused_after_days, others.disable_unused_after_days),
            "second_factor": self.requires_second_factor and not other.requires_second_factor,
            "sso": self.requires_sso and not other.requires_sso,
            "live_clients": len(roles_from(self.live_clients_from)) < len(roles_from(other.live_clients_from)),
        }
        return {name for name, is_stricter in found.items() if is_stricter}


def _is_less(value: int | None, other: int | None) -> bool:
    """Whether a limit is lower. None means no limit."""
    return value is not None and (other is None or value < other)


def read_settings(workspace: Workspace) -> dict[str, Any]:
    """The settings as in the form, by the names in FIELDS. allowed_auth_methods: all methods if all are allowed."""
    policies = Policies.of(workspace)
    values = {"name": workspace.name, **asdict(policies.clients), **{name: getattr(policies, name) for name in _OF_PEOPLE}}
    values["allowed_auth_methods"] = list(policies.clients.allowed_auth_methods) or list(Client.AuthMethod.values)
    return {name: values[name] for name in FIELDS}


def fingerprint(workspace: Workspace) -> str:
    """A fingerprint of the current settings. A form can tell from it whether somebody has changed them since it was made."""
    return hashlib.sha256(json.dumps(read_settings(workspace), sort_keys=True).encode()).hexdigest()[:16]


def change_settings(*, workspace: Workspace, values: Mapping[str, Any], seen: str, actor: Actor, now: datetime) -> Workspace:
    """Change name and policies, with one event. values: by the names in FIELDS. seen: their fingerprint when the caller read them.

    Raise ValidationError under the name of the wrong field, and if somebody else was faster.
    """
    with transaction.atomic():
        locked = workspaces.lock_workspace(workspace)
        if fingerprint(locked) != seen:
            raise ValidationError(
                "Somebody else has changed these settings in the meantime. This page shows the current ones: check them again.", code="changed_meanwhile"
            )
        _require_possible(values, workspace=locked)
        of_workspace: WorkspaceFields = {name: values[name] for name in ("name", *_OF_CLIENTS) if name in values}  # type: ignore[assignment]  # from the lists above
        if set(Client.AuthMethod.values) <= set(of_workspace.get("allowed_auth_methods", ())):
            of_workspace["allowed_auth_methods"] = []
        difference = workspaces.write_fields(locked, of_workspace)
        people, _ = AccessPolicy.objects.get_or_create(workspace=locked)
        for name in _OF_PEOPLE:
            if name in values and getattr(people, name) != values[name]:
                difference.before[name], difference.after[name] = getattr(people, name), values[name]
                setattr(people, name, values[name])
        people.save()
        workspaces.record_change(locked, difference, actor=actor, now=now)
    return locked


def _require_possible(values: Mapping[str, Any], *, workspace: Workspace) -> None:
    """Check that the instance can enforce the policy, and that at least one owner can still get in, because only owners can make owners."""
    days = values.get("disable_unused_after_days")
    if days is not None and not can_tell(days):
        kept = settings.USAGE_RETENTION_DAYS
        raise ValidationError(
            {"disable_unused_after_days": f"The instance keeps usage for {kept:,} days, so it can’t look back further. Enter {kept:,} or less."}
        )
    if values.get("requires_sso") and not settings.SSO_ISSUER:
        raise ValidationError({"requires_sso": "This instance has no single sign-on, so nobody could sign in."})
    if values.get("requires_sso") and not Policies.of(workspace).requires_sso and not _has_connected_owner(workspace):
        text = f"No owner’s account is connected to {settings.SSO_NAME}, so no owner could sign in. An owner must first connect their account, under Account."
        raise ValidationError({"requires_sso": text})
    if "live_clients_from" in values and values["live_clients_from"] not in (Role.DEVELOPER, Role.ADMIN, Role.OWNER):
        raise ValidationError({"live_clients_from": "Choose developers, admins or owners."})


def _has_connected_owner(workspace: Workspace) -> bool:
    owners = Membership.objects.filter(workspace=workspace, role=Role.OWNER, user__is_active=True)
    return bool(SocialAccount.objects.filter(provider=settings.SSO_ISSUER, user__in=owners.values("user")).exists())


def may_make_live_clients(membership: Membership) -> bool:
    policies = Policies.of(membership.workspace)
    return may(membership, Permission.WRITE_CLIENTS) and membership.role in roles_from(policies.live_clients_from)


def require_environment(membership: Membership, environment: str) -> None:
    """Pages and the API call this before they make a client. Commands don't need it, because their user controls the machine.

    Raise ValidationError if the member may only make test clients.
    """
    if environment != Client.Environment.LIVE or may_make_live_clients(membership):
        return
    workspace = membership.workspace
    roles = [role.label.lower() + "s" for role in roles_from(Policies.of(workspace).live_clients_from)]
    raise ValidationError(
        f"In {workspace.slug} only {get_text_list(roles, 'and')} can create live clients. Create a test client, or ask one of them.", code="against_policy"
    )
