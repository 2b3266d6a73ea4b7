"""Mail to a client's owner when somebody else rotates its secret or ends one of its credentials, and also to the admins if that was still in use.

Each address gets one email about everything that was ended together. An email never contains a secret: its maker has seen it. If the owner already gets too
much mail, the admins are told instead, so that unimportant notices can't hide an important one.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from django.utils.text import get_text_list

from clients.models import Client
from clients.models.credentials import Credential
from clients.services.announcements import Ended, Rotated
from dashboard.client import impact
from dashboard.client.impact import Impact
from dashboard.frame.credential_names import name_credential
from dashboard.instance import mail
from dashboard.models import User
from dashboard.people.actors import find_person, say_doer
from dashboard.people.member_notices import tell_member
from dashboard.people.quotas import may_notify, would_notify
from dashboard.people.recipients import admins_of, belongs_to, contact_belongs, present_owner_of

logger = logging.getLogger("tokenos.mail")

# Beyond this many, uses aren't counted, so that ending many at once stays quick.
_MAX_MEASURED = 20
# At most this many untold owners are named in one email.
_MAX_NAMED = 5


@dataclass(frozen=True, slots=True)
class _Told:
    """found: the effect of its end; None for one of many."""

    credential: Credential
    client: Client
    found: Impact | None

    @property
    def what(self) -> str:
        """Words such as “secret Kp4zR1uW”."""
        return str(name_credential(self.credential.credential_id))

    @property
    def is_last(self) -> bool:
        return self.found is not None and not self.found.others and not self.client.jwks_uri and not self.client.tls_subject


def tell_ended(announced: Sequence[Ended], clients: Mapping[int, Client]) -> None:
    """Tell about ended credentials of one workspace, ended by one person for one reason. clients: the credentials' clients, by primary key."""
    first = announced[0]
    by, now = find_person(first.actor.name), first.now
    told: dict[str, list[_Told]] = {}
    for said in announced:
        client = clients.get(said.client.pk, said.client)
        found = impact.of_credential(said.credential, client=client, now=now) if len(announced) <= _MAX_MEASURED else None
        for address in _recipients(client, is_urgent=said.is_urgent or (found is not None and found.is_used), by=by):
            told.setdefault(address, []).append(_Told(said.credential, client, found))
    context = {"act": first.act, "doer": say_doer(first.actor.name), "at": now, "reason": first.reason, "workspace": first.client.workspace}
    untold = {address: rows for address, rows in told.items() if not _send("credential_ended", address, _list(rows, context), by=by, now=now)}
    for admin in without(by, admins_of(first.client.workspace)) if untold else []:
        known = [] if admin in untold else told.get(admin, [])
        rows = [one for of_address in untold.values() for one in of_address if one not in known]
        if rows:
            _send_instead("credential_ended", admin, _list(rows, context), list(untold), by=by, now=now)


def _list(ended: Sequence[_Told], context: Mapping[str, Any]) -> dict[str, Any]:
    return {**context, "ended": ended, "one": ended[0]}


def tell_rotated(new: Rotated) -> None:
    """The admins are also told, but only if a secret that was in use ended at once."""
    client, now, by = new.secret.client, new.now, find_person(new.actor.name)
    is_urgent = any(old.expires_at is not None and old.expires_at <= now and _is_used(old, now) for old in new.previous)
    previous = [(old, None if old.expires_at is None or old.expires_at <= now else old.expires_at) for old in new.previous]
    context = {"client": client, "workspace": client.workspace, "secret": new.secret, "previous": previous, "doer": say_doer(new.actor.name), "at": now}
    told = _recipients(client, is_urgent=is_urgent, by=by)
    untold = [address for address in told if not _send("secret_rotated", address, context, by=by, now=now)]
    for admin in without(by, admins_of(client.workspace)) if untold else []:
        if admin in untold or admin not in told:
            _send_instead("secret_rotated", admin, context, untold, by=by, now=now)


def send_or_tell_admins(name: str, address: str, context: Mapping[str, Any], *, by: User | None, now: datetime) -> None:
    if not _send(name, address, context, by=by, now=now):
        for admin in without(by, admins_of(context["workspace"])):
            _send_instead(name, admin, context, [address], by=by, now=now)


def _send(name: str, address: str, context: Mapping[str, Any], *, by: User | None, now: datetime) -> bool:
    """Returns whether the mail is sent. Strangers' addresses have their own places, so that colleagues don't wait behind many of them."""
    if belongs_to(context["workspace"], address):
        return tell_member(name, address, context, by=by, now=now)
    if may_notify(address, by=by or context["workspace"], now=now):
        return mail.send_later(name, [address], context, by=by, places="to strangers")
    logger.warning("mail not sent: this address has received too many emails in the last hour", extra={"template": name})
    return False


def _send_instead(name: str, admin: str, context: Mapping[str, Any], untold: Sequence[str], *, by: User | None, now: datetime) -> None:
    """Tell an admin. The mail doesn't count against the limit of the person who causes it, because that could hide it again."""
    named = [*untold[:_MAX_NAMED], f"{len(untold) - _MAX_NAMED} more"] if len(untold) > _MAX_NAMED else untold
    said = {**context, "untold": get_text_list(list(named), "and")}
    tell_member(name, admin, said, by=by, now=now, takes_place=False, places="instead of owners")


def say_told(client: Client, *, is_urgent: bool, by: User, now: datetime) -> str:
    """The people who would be told, in words that follow “We tell”; "" if there are none."""
    if mail.goes_to_files():
        return ""
    owner = without(by, present_owner_of(client))
    told = [address for address in owner if contact_belongs(client) or would_notify(address, by=by, now=now)]
    has_admins = any(address not in owner for address in _recipients(client, is_urgent=is_urgent or told != owner, by=by))
    return " and ".join([*told, "the admins"] if has_admins else told)


def say_told_before(client: Client) -> str:
    """The same for the notice sent shortly before an old secret that is still in use expires. How many emails a stranger's address will have had by then is
    unknown.
    """
    if mail.goes_to_files():
        return ""
    owner = next(iter(present_owner_of(client)), "")
    return f"{owner} {'and' if contact_belongs(client) else 'or'} the admins" if owner else "the admins"


def _is_used(credential: Credential, now: datetime) -> bool:
    return credential.last_used_at is not None and credential.last_used_at > now - impact.IN_USE


def _recipients(client: Client, *, is_urgent: bool, by: User | None) -> list[str]:
    return without(by, present_owner_of(client), admins_of(client.workspace) if is_urgent else [])


def without(by: User | None, *addresses: Sequence[str]) -> list[str]:
    """The addresses, each once, without the acting person's."""
    return [address for address in dict.fromkeys(chain(*addresses)) if by is None or address.casefold() != by.email.casefold()]
