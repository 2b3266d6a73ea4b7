"""The texts for each kind of finding: what it is, why it matters, what the fix does and how to undo it."""

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
    """heading: its page's. one, many: follow the number. good: shown if there is none. act: precedes the number and the things.

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
        heading="Unused spare secrets",
        one="secret works, but its client uses another one",
        many="secrets work, but their clients use others",
        good="No unused spare secrets.",
        why="They are left over from a rotation or a test and haven’t been used for 14 days. If one leaks, anybody can use it.",
        act="Revoke",
        effect="They are revoked at once. Nothing has used them for 14 days, and their clients keep their other secrets.",
        undo="This can’t be undone. If a program still needs one, make a new secret.",
        done="revoked",
    ),
    Kind.NO_END: Words(
        heading="Secrets that never expire",
        one="secret never expires",
        many="secrets never expire",
        good="Every secret expires.",
        why="If such a secret leaks unnoticed, it can be used indefinitely.",
        act="Set an expiry date for",
        effect="They keep working until that date. The client’s owner gets mail 30 days, 7 days and 1 day before.",
        undo="Until a secret expires, you can move the date on the client’s page.",
        done="will expire",
        is_harmful=False,
    ),
    Kind.OLD: Words(
        heading="Old secrets",
        one="secret is older than it should be",
        many="secrets are older than they should be",
        good="No secret is older than it should be.",
        why="The older a secret is, the more people, backups and logs have seen it. Keep a secret for at most a year, or as long as this workspace allows.",
        act="Set a 30-day expiry for",
        effect="They keep working for 30 days, so there is time to rotate them with an overlap. The client’s owner gets mail 7 days and 1 day before.",
        undo="Until a secret expires, you can move the date on the client’s page, as far as this workspace allows.",
        done="will expire in 30 days",
        is_harmful=False,
    ),
    Kind.NEVER_USED: Words(
        heading="Clients that were never used",
        one="client was never used",
        many="clients were never used",
        good="Every client has been used or is newer than 30 days.",
        why="They were created over 30 days ago and never got a token, but their secrets exist somewhere.",
        act="Disable",
        effect="They can no longer get tokens. Nothing requests any, so nothing breaks.",
        undo="Enable a client on its page, and it works as before.",
        done="disabled",
        permission=Permission.ADMINISTER_CLIENTS,
    ),
    Kind.IDLE: Words(
        heading="Idle clients",
        one="client has been idle for 90 days",
        many="clients have been idle for 90 days",
        good="No client has been idle for 90 days.",
        why="They may no longer be needed, and their secrets may be in forgotten places.",
        act="Disable",
        effect="They can no longer get tokens. A program that runs once a year will be refused, and the client’s requests will show it.",
        undo="Enable a client on its page, and it works as before.",
        done="disabled",
        permission=Permission.ADMINISTER_CLIENTS,
    ),
    Kind.SCOPES: Words(
        heading="Unused scopes",
        one="client has scopes that it never requests",
        many="clients have scopes that they never request",
        good="No unused scopes.",
        why="In the last 30 days, these clients requested scopes by name, but never the ones listed here. A thief who gets a secret gets these scopes too.",
        act="Remove unused scopes from",
        effect="Requests for one of them will be refused with “invalid_scope”. Existing tokens keep their scopes until they expire.",
        undo="Add the scope again in the client’s settings. The audit log lists what each client had.",
        done="lost unused scopes",
    ),
    Kind.BODY: Words(
        heading="Secrets in the body",
        one="client may send its secret in the body",
        many="clients may send their secrets in the body",
        good="No client older than 30 days allows both HTTP Basic and secrets in the body.",
        why="Request bodies are logged more often than headers. These clients can also use HTTP Basic (RFC 6749 §2.3.1) and are older than 30 days.",
        act="Allow only HTTP Basic for",
        effect="Requests with the secret in the body will be refused. TokenOS doesn’t record which programs do that: ask their owners, or try one client.",
        undo="Allow client_secret_post again in the client’s settings.",
        done="can only use HTTP Basic",
    ),
    Kind.DISABLED: Words(
        heading="Disabled clients with credentials",
        one="client has been disabled for 90 days, and its credentials would work again at once",
        many="clients have been disabled for 90 days, and their credentials would work again at once",
        good="No client that has been disabled for 90 days has credentials left.",
        why="Enabling one would bring back long-forgotten secrets.",
        act="Revoke the credentials of",
        effect="Their secrets, public keys and certificates are revoked. The clients stay, with their history. Nothing uses them.",
        undo="This can’t be undone. If you enable such a client, make a new secret for it. To remove a client completely, delete it on its page.",
        done="lost their credentials",
    ),
}


def say_change(kind: Kind, row: Any, *, workspace: Workspace, left: Mapping[int, list[str]], now: datetime, zone: tzinfo) -> tuple[str, str]:
    """A row's value before and after the fix. row: a Client or a ClientSecret. left: from clients.hygiene.narrow."""
    if kind in NARROWED:
        return " ".join(getattr(row, NARROWED[kind])), " ".join(left[row.pk]) or "no scopes"
    if kind in (Kind.NO_END, Kind.OLD):
        before = "no expiry" if row.expires_at is None else moment.say_date(row.expires_at, now=now, zone=zone, with_year=True)
        return before, moment.say_date(new_end(kind, workspace, now=now), now=now, zone=zone, with_year=True)
    return {Kind.SILENT: ("works", "revoked"), Kind.DISABLED: ("disabled, with credentials", "disabled, without any")}.get(kind, ("enabled", "disabled"))
