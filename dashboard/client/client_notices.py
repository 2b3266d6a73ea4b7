"""Mail to a client's owner about what else somebody did to it: let others in by a further credential, disabled, enabled or deleted it, or tidied it up."""

from collections.abc import Sequence
from datetime import datetime

from clients.hygiene import Kind
from clients.models import AuditEvent, Client, Workspace
from clients.models.credentials import KINDS
from clients.services.announcements import Announcement, Rotated
from dashboard.client.credentials.notices import Ended, send_or_tell_admins, tell_ended, tell_rotated, without
from dashboard.models import User
from dashboard.people.actors import find_person, say_doer
from dashboard.people.recipients import contact_is_out, present_owner_of

# Which kind of tidying up does what.
_REVOKING = (Kind.SILENT, Kind.DISABLED)
_DISABLING = (Kind.NEVER_USED, Kind.IDLE)


def tell_announced(said: Announcement) -> None:
    """Listens to clients.services.announcements."""
    if isinstance(said, Rotated):
        tell_rotated(said)
    else:
        _tell([said.client], said.act, actor=said.actor.name, now=said.now, names=said.names, is_there=said.is_there)


def _tell(clients: Sequence[Client], act: str, *, actor: str, now: datetime, names: Sequence[str] = (), is_there: bool = True) -> None:
    """Of one workspace."""
    by, doer = find_person(actor), say_doer(actor)
    told: dict[str, list[Client]] = {}
    for client in clients:
        for address in without(by, present_owner_of(client)):
            told.setdefault(address, []).append(client)
    for address, rows in told.items():
        context = {"act": act, "clients": rows, "workspace": rows[0].workspace, "doer": doer, "at": now, "names": names, "is_there": is_there}
        send_or_tell_admins("client_changed", address, context, by=by, now=now)


def tell_tidied(kind: Kind, *, workspace: Workspace, by: User, now: datetime) -> None:
    """After clients.services.hygiene.fix, at the same moment."""
    if kind in _REVOKING:
        rows = [row for credentials in KINDS for row in credentials.objects.filter(client__workspace=workspace, revoked_at=now)]
        by_pk = {client.pk: client for client in _read(workspace, pk__in={row.client_id for row in rows})}
        tell_ended([Ended(row, by_pk[row.client_id], None) for row in rows], act="revoked", by=by, now=now)
    elif kind in _DISABLING:
        disabled = AuditEvent.objects.filter(workspace=workspace, event="client.disabled", created_at=now, actor=by.audit_name)
        clients = _read(workspace, client_id__in=list(disabled.values_list("target_id", flat=True)))
        _tell(clients, "clients were disabled", actor=by.audit_name, now=now)


def _read(workspace: Workspace, **which: object) -> list[Client]:
    return list(Client.objects.filter(workspace=workspace, **which).select_related("workspace").annotate(contact_is_out=contact_is_out()))
