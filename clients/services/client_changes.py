"""Changes a client. If two people do so at once, the second one is told what the first one did."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Unpack, cast

from django.core.exceptions import ValidationError
from django.db import transaction

from clients.models import AuditEvent, Client, Workspace
from clients.policy import ClientPolicy
from clients.services import audit
from clients.services.announcements import Edited, announce
from clients.services.audiences import claim_audiences, require_own_audiences
from clients.services.audit import Actor
from clients.services.client_fields import EditableFields, clean_fields, clean_scopes, describe
from clients.services.entered_values import require_plain_uris
from clients.services.locking import lock_client

# These fields can't be changed, or have their own services.
_FIXED = ("environment", "status")
_MAX_EVENTS = 100


class ClientChanges(EditableFields, total=False):
    """The fields of a client that can be changed."""

    name: str


@dataclass(frozen=True, slots=True)
class ChangedClient:
    """before, after: the fields that changed, named as in Client."""

    client: Client
    before: dict[str, Any]
    after: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Author:
    """actor: as in AuditEvent."""

    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """Changes by others since somebody looked: the fields as they were seen and as they are now, and the last author of each change."""

    before: dict[str, Any]
    after: dict[str, Any]
    authors: dict[str, Author]


def read_fields(client: Client) -> dict[str, Any]:
    """The changeable fields with their current values, named as in Client."""
    return {name: value for name, value in describe(client).items() if name not in _FIXED}


def fingerprint(client: Client) -> str:
    """A fingerprint of the current fields. A form can tell from it whether somebody has changed them since it was made."""
    return _digest(read_fields(client))


def _digest(fields: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:16]


def propose(client: Client, **fields: Unpack[ClientChanges]) -> dict[str, Any]:
    """The columns that update_client would change, with the new values. Raise ValidationError like update_client."""
    return _clean(client, client.workspace, fields)


def _clean(client: Client, workspace: Workspace, fields: ClientChanges) -> dict[str, Any]:
    present = read_fields(client)
    wanted = {**present, "token_lifetime": timedelta(seconds=client.token_lifetime), **fields}
    if not wanted["jwks_uri"]:
        del wanted["jwks_uri"]
    policy = ClientPolicy.of(workspace)
    cleaned = clean_fields(policy, wanted.pop("name"), cast(EditableFields, wanted), kept_audiences=present["audiences"])
    changed = {name: value for name, value in cleaned.items() if value != present[name]}
    if "scopes" in changed:
        changed["scopes"] = clean_scopes(workspace, changed["scopes"])
    # The client may keep its old values, even if its workspace's rules have become stricter.
    if "audiences" in changed:
        added = _added(present["audiences"], changed["audiences"])
        require_plain_uris(added)
        require_own_audiences(workspace, added)
    if "auth_methods" in changed:
        policy.require_auth_methods(changed["auth_methods"])
    if "token_lifetime" in changed:
        policy.require_token_lifetime(changed["token_lifetime"])
    return changed


def _added(before: Sequence[str], after: Sequence[str]) -> list[str]:
    return [uri for uri in after if uri not in before]


def update_client(*, client: Client, seen: str | None = None, actor: Actor, now: datetime, **fields: Unpack[ClientChanges]) -> ChangedClient:
    """Change the given fields. New tokens follow the changes; existing tokens stay as they are. If nothing changes, there is no event.

    seen: the fingerprint at the time when the caller looked. Raise ValidationError if a value is invalid or the client is deleted, and with the code
    changed_meanwhile if somebody else was faster.
    """
    with transaction.atomic():
        locked = lock_client(client)
        if seen is not None and fingerprint(locked) != seen:
            raise ValidationError("Somebody else has changed this client in the meantime.", code="changed_meanwhile")
        after = _clean(locked, locked.workspace, fields)
        before = {name: getattr(locked, name) for name in after}
        for name, value in after.items():
            setattr(locked, name, value)
        if "audiences" in after:
            claim_audiences(locked.workspace, _added(before["audiences"], after["audiences"]), now=now)
            locked.withheld_audiences = [uri for uri in locked.withheld_audiences if uri in after["audiences"]]
        if after:
            locked.save(update_fields=[*after, "withheld_audiences"])
            audit.record(
                "client.changed",
                workspace=locked.workspace,
                actor=actor,
                target_type="client",
                target_id=locked.client_id,
                now=now,
                before=before,
                after=after,
            )
            announce(Edited(locked, before, after, actor, now))
    return ChangedClient(locked, before, after)


def find_changes_since(client: Client, seen: str) -> Meanwhile | None:
    """The changes since the client had that fingerprint, read backwards from the audit log. None if the log doesn't reach that far."""
    present = read_fields(client)
    past, authors = dict(present), dict[str, Author]()
    events = AuditEvent.objects.filter(target_type="client", target_id=client.client_id, event="client.changed", workspace=client.workspace)
    for event in events.order_by("-id")[:_MAX_EVENTS]:
        for name in event.before.keys() & past.keys():
            past[name] = event.before[name]
            authors.setdefault(name, Author(event.actor, event.created_at))
        if _digest(past) == seen:
            changed = [name for name in present if past[name] != present[name]]
            return Meanwhile({name: past[name] for name in changed}, {name: present[name] for name in changed}, {name: authors[name] for name in changed})
    return None
