"""Changing a client, and telling two people who do it at once what the other did."""

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
from clients.services.locking import lock_client
from clients.services.validation import require_plain_uris

# Settled for good, or changed by services of their own.
_FIXED = ("environment", "status")
_MOST_EVENTS = 100


class ClientChanges(EditableFields, total=False):
    """What can be changed of a client."""

    name: str


@dataclass(frozen=True, slots=True)
class ChangedClient:
    """before, after: the fields that changed, named as in Client."""

    client: Client
    before: dict[str, Any]
    after: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Author:
    """actor: as AuditEvent has it."""

    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """What others changed since somebody looked: the fields as they were seen and as they are, and who changed each last."""

    before: dict[str, Any]
    after: dict[str, Any]
    authors: dict[str, Author]


def read_fields(client: Client) -> dict[str, Any]:
    """What can be changed, as it is, named as in Client."""
    return {name: value for name, value in describe(client).items() if name not in _FIXED}


def fingerprint(client: Client) -> str:
    """Of the fields as they are, so that a form shows whether somebody changed them since it was made."""
    return _digest(read_fields(client))


def _digest(fields: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:16]


def propose(client: Client, **fields: Unpack[ClientChanges]) -> dict[str, Any]:
    """The columns that would change, as update_client would write them. Raise ValidationError as that does."""
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
    # What it had before, or was before its workspace became stricter, it may keep.
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
    """Change what is given. Its new tokens are as it is then; those that it has stay as they are. No event where nothing changes.

    seen: the fingerprint when the caller looked. Raise ValidationError where a value makes no sense or the client is gone, and with the code
    changed_meanwhile where somebody else was faster.
    """
    with transaction.atomic():
        locked = lock_client(client)
        if seen is not None and fingerprint(locked) != seen:
            raise ValidationError("Somebody else changed this client meanwhile.", code="changed_meanwhile")
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
    """What changed since the client had that fingerprint, read backwards from the audit log. None where it doesn't tell."""
    present = read_fields(client)
    past, authors = dict(present), dict[str, Author]()
    events = AuditEvent.objects.filter(target_type="client", target_id=client.client_id, event="client.changed", workspace=client.workspace)
    for event in events.order_by("-id")[:_MOST_EVENTS]:
        for name in event.before.keys() & past.keys():
            past[name] = event.before[name]
            authors.setdefault(name, Author(event.actor, event.created_at))
        if _digest(past) == seen:
            changed = [name for name in present if past[name] != present[name]]
            return Meanwhile({name: past[name] for name in changed}, {name: present[name] for name in changed}, {name: authors[name] for name in changed})
    return None
