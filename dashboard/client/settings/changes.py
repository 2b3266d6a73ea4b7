"""Describes changes of a client for pages: old and new values, their effect on its tokens, and the changes of others meanwhile."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.text import get_text_list

from clients.models import Client
from clients.services.client_changes import Meanwhile, read_fields
from dashboard.client.fields import say_token_lifetime
from dashboard.people.actors import Who, describe, find_names

LABELS: Mapping[str, str] = {
    "name": "Name",
    "contact": "Owner",
    "description": "Description",
    "tags": "Tags",
    "scopes": "Scopes",
    "auth_methods": "Methods",
    "audiences": "Audiences",
    "token_lifetime": "Token lifetime",
    "allowed_networks": "Allowed addresses",
    "require_dpop": "DPoP-bound tokens only",
    "require_certificate": "Certificate-bound tokens only",
    "jwks_uri": "JWKS URL",
    "tls_subject_type": "Certificate subject",
    "tls_subject": "Value of the subject",
}
_PLURAL = ("tags", "scopes", "auth_methods", "audiences", "allowed_networks")
_NONE = {"audiences": "the workspace’s own", "allowed_networks": "any"}
# Fields that determine a token's content or binding when it is issued.
_OF_TOKENS = ("scopes", "audiences", "token_lifetime", "require_dpop", "require_certificate")


@dataclass(frozen=True, slots=True)
class SaidChange:
    """before, after: in words, "" for nothing; for lists, the removed and the added values."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Clash:
    """A change by somebody else while the reader was editing. yours: the reader's own entry in that field, "" if there is none or it is the same."""

    change: SaidChange
    who: Who
    at: datetime
    yours: str


def say_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[SaidChange]:
    """The fields that have a value in after, in the order of the form."""
    return [say_change(name, before[name], after[name]) for name in LABELS if name in after]


def say_fields(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each field with its label, in the order of the form."""
    return [(label, say_value(name, fields[name]) or _NONE.get(name, "none")) for name, label in LABELS.items()]


def say_change(name: str, before: Any, after: Any) -> SaidChange:
    if isinstance(before, list) and set(before) != set(after):
        before, after = [value for value in before if value not in after], [value for value in after if value not in before]
    return SaidChange(LABELS[name], say_value(name, before), say_value(name, after))


def say_value(name: str, value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "token_lifetime":
        return say_token_lifetime(value)
    if name == "tls_subject_type" and value:
        return str(Client.TLSSubjectType(value).label)
    return str(value)


def say_saved(names: Iterable[str], *, living_tokens: int) -> str:
    """A sentence about the saved changes and their effect on tokens. names: those of the changed fields."""
    changed = [name for name in LABELS if name in set(names)]
    if not changed:
        return "Nothing changed."
    said = f"{say_labels(changed)} changed."
    of_tokens = [name for name in changed if name in _OF_TOKENS]
    if not of_tokens:
        return said
    it, ones = ("them", "ones") if len(of_tokens) > 1 or of_tokens[0] in _PLURAL else ("it", "one")
    living = "" if not living_tokens else f"; {living_tokens:,} existing token{'s keep' if living_tokens != 1 else ' keeps'} the old {ones}"
    if {"require_dpop", "require_certificate"} & set(of_tokens):
        living = "" if not living_tokens else f"; {living_tokens:,} existing token{'s stay' if living_tokens != 1 else ' stays'} as before"
        return f"{said} This applies to new tokens{living}."
    return f"{said} New tokens have {it} from now on{living}."


def say_labels(names: Iterable[str]) -> str:
    """The labels of the fields, in the order of the form: “Owner and JWKS URL”."""
    first, *others = [label for name, label in LABELS.items() if name in set(names)]
    return get_text_list([first, *map(_lower, others)], "and")


def _lower(label: str) -> str:
    return label if label.startswith(("DPoP", "JWKS")) else label[:1].lower() + label[1:]


def merge(client: Client, entered: Mapping[str, Any], meanwhile: Meanwhile) -> dict[str, Any]:
    """The form for the second of two editors: their own entries, and otherwise the client's current values. Lists combine what both added and removed."""
    merged = {}
    for name, now in read_fields(client).items():
        seen = meanwhile.before.get(name, now)
        if _is_same(entered[name], seen):
            merged[name] = now
        elif isinstance(now, list):
            kept = [value for value in entered[name] if value in now or value not in seen]
            merged[name] = [*kept, *(value for value in now if value not in seen and value not in kept)]
        else:
            merged[name] = entered[name]
    return merged


def find_clashes(client: Client, entered: Mapping[str, Any], meanwhile: Meanwhile) -> list[Clash]:
    names = find_names(client.workspace, actors=[author.actor for author in meanwhile.authors.values()], client_ids=[])
    found = []
    for name in LABELS:
        if name not in meanwhile.after:
            continue
        before, after, author = meanwhile.before[name], meanwhile.after[name], meanwhile.authors[name]
        is_clash = not _is_same(entered[name], before) and not _is_same(entered[name], after)
        yours = (say_value(name, entered[name]) or "nothing") if is_clash else ""
        found.append(Clash(say_change(name, before, after), describe(author.actor, names), author.at, yours))
    return found


def _is_same(one: Any, other: Any) -> bool:
    """Whether two values are equal; the order of a list doesn't matter, because forms have no order."""
    return set(one) == set(other) if isinstance(one, list) else bool(one == other)
