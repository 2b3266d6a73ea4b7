"""Mail to a client's owner about changes of it, made by a page, a command, the admin or TokenOS itself."""

from collections.abc import Iterable, Mapping, Sequence

from clients.models import Client
from clients.services.announcements import Announcement, Changed, Edited, Ended, HandedOver, Rotated, Unused
from clients.services.audit import SYSTEM
from dashboard.client.credentials.notices import send_or_tell_admins, tell_ended, tell_rotated, without
from dashboard.client.hand_over.notices import tell_maker
from dashboard.client.settings.changes import LABELS, say_change, say_labels
from dashboard.people.actors import find_person, say_doer
from dashboard.people.recipients import admins_of, contact_is_out, owner_named, present_owner_of

_OF_MANY = {
    "a client was disabled": "clients were disabled",
    "a client was enabled": "clients were enabled",
    "a scope was removed": "scopes were removed",
    "an audience was removed": "audiences were removed",
}
# A change of these fields sends future notices to somebody else, lets others in without a credential that is registered here, or decides who may use a token.
_TOLD_FIELDS = ("contact", "jwks_uri", "tls_subject_type", "tls_subject", "allowed_networks", "require_dpop", "require_certificate")
# Programs that use what is removed from these lists stop.
_TOLD_LISTS = ("audiences", "auth_methods", "scopes")


def tell_announced(said: Sequence[Announcement]) -> None:
    """Listens to clients.services.announcements."""
    clients = _read({one.client.pk for one in said if isinstance(one, Changed | Edited | Ended | Unused)})
    ended: dict[object, list[Ended]] = {}
    changed: dict[object, list[Changed]] = {}
    unused: dict[object, list[Unused]] = {}
    for one in said:
        if isinstance(one, Rotated):
            tell_rotated(one)
        elif isinstance(one, HandedOver):
            tell_maker(one.hand_over)
        elif isinstance(one, Ended):
            ended.setdefault((one.client.workspace_id, one.act, one.reason), []).append(one)
        elif isinstance(one, Unused):
            unused.setdefault(one.client.workspace_id, []).append(one)
        elif isinstance(one, Changed | Edited) and (change := one if isinstance(one, Changed) else _describe(one)):
            changed.setdefault((one.client.workspace_id, change.act, change.reason, change.names), []).append(change)
    for of_kind in ended.values():
        tell_ended(of_kind, clients)
    for alike in changed.values():
        _tell_changed(alike, clients)
    for of_workspace in unused.values():
        _tell_unused(of_workspace, clients)


def _read(pks: Iterable[int]) -> dict[int, Client]:
    """The clients as they are now, without deleted ones."""
    return Client.objects.select_related("workspace").annotate(contact_is_out=contact_is_out()).in_bulk(pks)


def _describe(edited: Edited) -> Changed | None:
    """The change for the owner; None if the owner needn't know of it."""
    after = {name: value for name, value in edited.after.items() if _is_told(name, edited)}
    if not after:
        return None
    names = tuple(_say(name, edited.before[name], after[name]) for name in LABELS if name in after)
    former = edited.before.get("contact", "")
    return Changed(f"{say_labels(after)} changed", edited.client, edited.actor, edited.now, names=names, former_contact=former)


def _is_told(name: str, edited: Edited) -> bool:
    before, after = edited.before[name], edited.after[name]
    if name in _TOLD_LISTS:
        return not set(before) <= set(after)
    return name in _TOLD_FIELDS and (not isinstance(before, list) or set(before) != set(after))


def _say(name: str, before: object, after: object) -> str:
    change = say_change(name, before, after)
    if name == "allowed_networks" and not (before and after):
        return f"{change.label}: {change.after or 'any'}, before: {change.before or 'any'}"
    if isinstance(before, list):
        removed, added = (f"{change.before} removed" if change.before else ""), (f"{change.after} added" if change.after else "")
        return f"{change.label}: {', '.join(filter(None, (removed, added)))}"
    return f"{change.label}: {change.after or 'none'}, before: {change.before or 'none'}"


def _tell_unused(announced: Sequence[Unused], clients: Mapping[int, Client]) -> None:
    first = announced[0]
    told: dict[str, list[Client]] = {}
    for said in announced:
        client = clients.get(said.client.pk, said.client)
        for address in present_owner_of(client) or admins_of(client.workspace):
            told.setdefault(address, []).append(client)
    context = {"workspace": first.client.workspace, "days": first.days, "disables_at": first.disables_at}
    for address, rows in told.items():
        send_or_tell_admins("client_unused", address, {**context, "clients": rows}, by=None, now=first.now)


def _tell_changed(announced: Sequence[Changed], clients: Mapping[int, Client]) -> None:
    """Tell the owners about the same change of several clients of one workspace."""
    first = announced[0]
    by = find_person(first.actor.name)
    told: dict[str, list[Client]] = {}
    for said in announced:
        client = clients.get(said.client.pk, said.client)
        owners = [*owner_named(said.former_contact, client.workspace_id), *present_owner_of(client)]
        # A change that has no author must still reach somebody.
        others = admins_of(client.workspace) if said.actor == SYSTEM else []
        for address in without(by, owners or others):
            told.setdefault(address, []).append(client)
    context = {
        "workspace": first.client.workspace,
        "doer": say_doer(first.actor.name),
        "at": first.now,
        "reason": first.reason,
        "names": first.names,
        "is_there": first.is_there,
    }
    for address, rows in told.items():
        act = first.act if len(rows) == 1 else _OF_MANY.get(first.act, first.act)
        send_or_tell_admins("client_changed", address, {**context, "act": act, "clients": rows}, by=by, now=first.now)
