"""Audit events as sentences: the actor, the act, its target, the address and the changes."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from django.urls import reverse

from clients.models import AuditEvent, Client, Workspace
from clients.models.credentials import KINDS
from dashboard.audit import events as audit_events
from dashboard.audit.words import PASTED, words_of
from dashboard.frame.moment import say_length
from dashboard.people import actors
from dashboard.people.actors import Names, Who

MAX_CHANGES = 5
_MAX = 80
# These fields are said elsewhere in the sentence.
_UNSHOWN = frozenset({"client_id", "status", "revoked_at", "reason"})
_CREDENTIALS = frozenset(kind.TARGET_TYPE for kind in KINDS)
_OF_MEMBERS = frozenset({"member.email_changed", "member.renamed", "member.role_changed"})
_BAD = frozenset({"user.sign_in_failed", "user.confirmation_failed"})
_INSTANT = re.compile(r"\A(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::[\d.]+)?(?:Z|\+00:00)\Z")


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one field. label: "" if the sentence names it."""

    label: str
    removed: Sequence[str]
    added: Sequence[str]


@dataclass(frozen=True, slots=True)
class Field:
    label: str
    before: Sequence[str] | None
    after: Sequence[str] | None


@dataclass(frozen=True, slots=True)
class Target:
    """url: "" if the target has no page. is_code: whether it is an identifier for machines."""

    text: str = ""
    url: str = ""
    is_code: bool = False


@dataclass(frozen=True, slots=True)
class EventRow:
    """act: in bold. thing: an ID that follows it. more: the rest of the sentence. more_changes: the number of changes that aren't in changes.

    is_of_target: whether the thing belongs to the target and isn't the target itself.
    """

    event: AuditEvent
    who: Who
    act: str
    thing: str
    more: str
    is_bad: bool
    target: Target
    is_of_target: bool
    changes: Sequence[Change]
    more_changes: int
    reason: str


@dataclass(frozen=True, slots=True)
class Day:
    label: str
    rows: Sequence[EventRow]


def describe(events: Iterable[AuditEvent], workspace: Workspace) -> list[EventRow]:
    events = list(events)
    names = actors.find_names(workspace, actors=_actors_in(events), client_ids=(client_id_of(event) for event in events))
    return [_describe(event, names, workspace) for event in events]


def group(rows: Iterable[EventRow], *, now: datetime, zone: tzinfo) -> list[Day]:
    """Group by day in that zone, in the given order."""
    days: dict[date, list[EventRow]] = {}
    for row in rows:
        days.setdefault(row.event.created_at.astimezone(zone).date(), []).append(row)
    today = now.astimezone(zone).date()
    near = {today: "Today, ", today - timedelta(days=1): "Yesterday, "}
    return [Day(f"{near.get(day, '')}{day:%A} {day.day} {day:%B %Y}", of_day) for day, of_day in days.items()]


def client_id_of(event: AuditEvent) -> str:
    """The client that an event is about, directly or by one of its credentials; "" for none."""
    if event.target_type == "client":
        return event.target_id
    return str(event.after.get("client_id") or event.before.get("client_id") or "")


def changes_of(event: AuditEvent) -> list[Change]:
    """The fields whose value changed."""
    shown = (name for name in event.after if name in event.before and name not in _UNSHOWN)
    changed = [name for name in shown if event.before[name] != event.after[name]]
    return [_compare(_label(name), event.before[name], event.after[name]) for name in changed]


def fields_of(event: AuditEvent) -> list[Field]:
    """All fields in before and after. A field that one of them lacks is None there."""
    names = [*event.before, *(name for name in event.after if name not in event.before)]
    return [Field(_label(name), _say(event.before, name), _say(event.after, name)) for name in names]


def _say(values: dict[str, Any], name: str) -> list[str] | None:
    return say_value(values[name]) if name in values else None


def say_value(value: Any) -> list[str]:
    """A field's value in words: one text for each item."""
    if isinstance(value, dict):
        return [f"{name}: {', '.join(say_value(item))}" for name, item in value.items()]
    if isinstance(value, list):
        return [text for item in value for text in say_value(item)]
    if value is None or value == "":
        return ["none"]
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    if isinstance(value, int):
        return [f"{value:,}"]
    return [_INSTANT.sub(r"\1 \2 UTC", str(value))]


def _actors_in(events: Iterable[AuditEvent]) -> Iterable[str]:
    for event in events:
        yield event.actor
        if event.target_type == "user":
            yield event.target_id


def _describe(event: AuditEvent, names: Names, workspace: Workspace) -> EventRow:
    who = actors.describe(event.actor, names)
    changes, act, more = changes_of(event), words_of(event.event), _more(event)
    if event.event == "leak.checked":
        act = PASTED.get(event.target_type, act)
    if event.event == "secret.rotated":
        changes = [_rotation(event)]
    elif event.event in ("client.changed", "workspace.changed") and len(changes) == 1:
        act, changes = f"changed {changes[0].label}", [Change("", changes[0].removed, changes[0].added)]
    if event.event in _OF_MEMBERS or event.target_type == "scope" or (event.target_type in _CREDENTIALS and len(changes) == 1):
        changes = [Change("", change.removed, change.added) for change in changes]
    thing = event.target_id if event.target_type in _CREDENTIALS else ""
    more = " ".join(part for part in (more, who.way) if part)
    reason = str(event.after.get("reason") or "")
    shown = changes[:MAX_CHANGES]
    return EventRow(
        event=event,
        who=who,
        act=act,
        thing=thing,
        more=more,
        is_bad=event.event in _BAD,
        target=_target(event, names, workspace),
        is_of_target=_is_of_target(event, act),
        changes=shown,
        more_changes=len(changes) - len(shown),
        reason=reason,
    )


def _is_of_target(event: AuditEvent, act: str) -> bool:
    if event.event == "client.changed":
        return act != words_of(event.event)
    return (
        event.event in _OF_MEMBERS or event.event.startswith(("hand_over.", "member.changed")) or (event.target_type != "client" and bool(client_id_of(event)))
    )


def _more(event: AuditEvent) -> str:
    after = event.after
    if event.event in ("member.invited", "invitation.sent_again", "member.added") and after.get("role"):
        return f"as {after['role']}"
    if event.event == "secret.rotated":
        return _overlap(event)
    if event.event == "leak.checked" and event.target_type == "workspace":
        return f"and found {_count_things(after.get('found', 0))} of this workspace"
    if event.event == "audit.exported":
        return f"({after.get('events', 0):,}, {str(after.get('format', '')).upper()})"
    if event.event == "token.more_revoked":
        return f"({after.get('tokens', 0):,} from {', '.join(say_value(after.get('since')))} on, within an hour)"
    if event.event == "hand_over.created" and after.get("recipient"):
        return f"for {after['recipient']}"
    if isinstance(ended := after.get("ended_tokens", after.get("tokens")), int) and not isinstance(ended, bool) and ended:
        return f"and ended {ended:,} token{'s' if ended != 1 else ''}"
    return ""


def _count_things(found: int) -> str:
    return f"{found:,} {'secrets, tokens or IDs' if found > 1 else 'secret, token or ID'}" if found else "nothing"


def _rotation(event: AuditEvent) -> Change:
    before = event.before.get("expires_at")
    return Change("", list(before) if isinstance(before, dict) else [], [event.target_id])


def _overlap(event: AuditEvent) -> str:
    """The overlap in which the old secrets keep working; the longest counts."""
    old, ends = event.before.get("expires_at"), event.after.get("expires_at")
    if not isinstance(old, dict) or not isinstance(ends, dict):
        return ""
    moments = [_read_instant(ends.get(secret_id)) for secret_id in old]
    left = [moment - event.created_at for moment in moments if moment is not None]
    if not left:
        return ""
    # Events have microseconds, but the expiry dates in them don't.
    longest = max(left) + timedelta(seconds=1)
    return f"with an overlap of {say_length(longest)}" if longest > timedelta(seconds=2) else "without overlap"


def _read_instant(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text).replace("Z", "+00:00")).astimezone(UTC)
    except ValueError:
        return None


def _compare(label: str, before: Any, after: Any) -> Change:
    if isinstance(before, list) and isinstance(after, list):
        removed = [item for item in before if item not in after]
        added = [item for item in after if item not in before]
        # Only the order changed. It matters for scopes.
        before, after = (removed, added) if removed or added else (before, after)
    return Change(label, [_cut(text) for text in say_value(before)], [_cut(text) for text in say_value(after)])


def _cut(text: str) -> str:
    return text if len(text) <= _MAX else f"{text[: _MAX - 1]}…"


def _label(name: str) -> str:
    return name.replace("_", " ")


def _target(event: AuditEvent, names: Names, workspace: Workspace) -> Target:
    client_id = client_id_of(event)
    if client_id:
        if client_id in names.clients:
            return Target(names.clients[client_id], reverse("client", args=[workspace.slug, client_id]))
        # The client is deleted; some events contain its name.
        name = event.target_type == "client" and (event.before.get("name") or event.after.get("name"))
        return Target(str(name or client_id), is_code=not name)
    if event.target_type == "user":
        return Target(actors.describe(event.target_id, names).name, reverse("members", args=[workspace.slug]))
    if event.target_type in ("scope", "audience"):
        return Target(event.target_id, reverse(f"{event.target_type}s", args=[workspace.slug]), is_code=True)
    if event.target_type in ("workspace", "audit"):
        return Target()
    return Target(event.target_id, is_code=event.target_type != "invitation")


def name_of(client: str, workspace: Workspace) -> str:
    """The name of a client, which may be deleted. client: its client_id."""
    name = Client.objects.filter(workspace=workspace, client_id=client).values_list("name", flat=True).first()
    if name is None:
        deletion = audit_events.deletions([client], workspace).first()
        name = None if deletion is None else deletion.before.get("name")
    return str(name or client)
