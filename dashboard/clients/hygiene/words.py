"""What pages say of each thing that should be tidied up: what it is, why it matters, what the fix does and how to undo it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from clients.hygiene import NARROWED, Kind, new_end
from clients.models import Workspace
from dashboard.frame import moment
from dashboard.people.permissions import Permission


@dataclass(frozen=True, slots=True)
class Words:
    """heading: of its page. one, many: follow their number. good: where there is none. act: to stand before the number and the things.

    done: follows them.
    """

    heading: str
    one: str
    many: str
    good: str
    why: str
    act: str
    effect: str
    undo: str
    done: str
    is_harmful: bool = True
    permission: Permission = Permission.WRITE_CLIENTS


WORDS: Mapping[Kind, Words] = {
    Kind.SILENT: Words(
        heading="Secrets that nobody uses",
        one="secret works, but its client uses another one",
        many="secrets work, but their clients use others",
        good="No secret works without being used beside another one.",
        why="Left over from a rotation or a test, for 14 days or longer. Whoever finds one can use it, and nobody would miss it.",
        act="Revoke",
        effect="They end at once and for ever. Nothing has used them for 14 days, and their clients go on with their other secrets.",
        undo="This can’t be undone. Make a new secret where one is missed after all.",
        done="revoked",
    ),
    Kind.NO_END: Words(
        heading="Secrets without an end",
        one="secret never ends",
        many="secrets never end",
        good="Every secret has an end.",
        why="A secret that leaks unnoticed is good for as long as it lives.",
        act="Give an end to",
        effect="They go on working until then. Whoever is named as contact gets a mail 30, 7 and 1 days before.",
        undo="Until the end comes, it can be moved to a later day on the page of the client.",
        done="got an end",
        is_harmful=False,
    ),
    Kind.OLD: Words(
        heading="Old secrets",
        one="secret is older than it should be",
        many="secrets are older than they should be",
        good="No secret is older than it should be.",
        why="The longer one lives, the more people, backups and logs have seen it. A year is enough, or what this workspace allows.",
        act="Give 30 days to",
        effect="They go on working for 30 days: time to rotate them, with an overlap. Whoever is named as contact gets a mail 7 and 1 days before.",
        undo="Until the end comes, it can be moved to a later day on the page of the client, as far as this workspace allows.",
        done="got an end in 30 days",
        is_harmful=False,
    ),
    Kind.NEVER_USED: Words(
        heading="Clients that were never used",
        one="client was never used",
        many="clients were never used",
        good="Every client has been used, or is younger than 30 days.",
        why="Made over 30 days ago, and nothing ever got a token with it. Its secret lies somewhere all the same.",
        act="Disable",
        effect="They get no tokens any more. Nothing asks for any, so nothing breaks.",
        undo="Enable a client on its page, and it works as before.",
        done="disabled",
        permission=Permission.ADMINISTER_CLIENTS,
    ),
    Kind.IDLE: Words(
        heading="Idle clients",
        one="client has been idle for 90 days",
        many="clients have been idle for 90 days",
        good="No client has been idle for 90 days.",
        why="What it was made for may be gone, and its secrets may lie where nobody looks any more.",
        act="Disable",
        effect="They get no tokens any more. Whatever runs once a year is refused then, and says so in the requests of its client.",
        undo="Enable a client on its page, and it works as before.",
        done="disabled",
        permission=Permission.ADMINISTER_CLIENTS,
    ),
    Kind.SCOPES: Words(
        heading="Scopes that are never asked for",
        one="client has scopes that it never asks for",
        many="clients have scopes that they never ask for",
        good="Every client that names scopes asks for all that it has.",
        why="In 30 days these clients named the scopes they want, and never these. Whoever gets hold of a secret gets them too.",
        act="Remove them from",
        effect="Who asks for one of them is refused from then on with “invalid_scope”. Living tokens keep theirs until they end.",
        undo="Add a scope again in the settings of its client. The audit log has what each had.",
        done="lost scopes that they never asked for",
    ),
    Kind.BODY: Words(
        heading="Secrets in the body",
        one="client may send its secret in the body",
        many="clients may send their secrets in the body",
        good="No client older than 30 days may send its secret in the body where it can use HTTP Basic.",
        why="Bodies stand in more logs than the Authorization header does. These may use HTTP Basic as well (RFC 6749 §2.3.1), and are older than 30 days.",
        act="Allow HTTP Basic only for",
        effect="Who sends the secret in the body is refused from then on. Which programs do isn’t recorded: ask their owners, or try it with one.",
        undo="Allow client_secret_post again in the settings of a client.",
        done="take HTTP Basic only",
    ),
    Kind.DISABLED: Words(
        heading="Disabled clients with credentials",
        one="client has been disabled for 90 days, and its credentials would work again at once",
        many="clients have been disabled for 90 days, and their credentials would work again at once",
        good="No client that has been disabled for 90 days has credentials left.",
        why="Whoever enables one brings back secrets that are long forgotten.",
        act="Revoke the credentials of",
        effect="Their secrets, public keys and certificates end for ever. The clients stay, with their history. Nothing uses them.",
        undo="This can’t be undone. Who enables such a client makes a new secret for it. To remove one altogether, delete it on its page.",
        done="lost their credentials",
    ),
}


def say_change(kind: Kind, row: Any, *, workspace: Workspace, left: Mapping[int, list[str]], now: datetime, zone: tzinfo) -> tuple[str, str]:
    """What a row has, and what it has then. row: a Client or a ClientSecret. left: of clients.hygiene.narrow."""
    if kind in NARROWED:
        return " ".join(getattr(row, NARROWED[kind])), " ".join(left[row.pk]) or "no scope"
    if kind in (Kind.NO_END, Kind.OLD):
        before = "no end" if row.expires_at is None else moment.say_date(row.expires_at, now=now, zone=zone, with_year=True)
        return before, moment.say_date(new_end(kind, workspace, now=now), now=now, zone=zone, with_year=True)
    return {Kind.SILENT: ("works", "revoked"), Kind.DISABLED: ("disabled, with credentials", "disabled, without any")}.get(kind, ("enabled", "disabled"))
