"""The words for a finding on pages: one line, a colour, and a sentence below."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from clients.secret import CHECKSUM_LENGTH, RANDOM_LENGTH, parse
from dashboard.frame import moment
from dashboard.leak.findings import Finding, Pasted, Report, State
from oauth.leaked_token import LeakedToken


@dataclass(frozen=True, slots=True)
class Verdict:
    """tone: a class in the style sheet, "" for harm. icon: in static/img/icons.svg. heading: a separate text."""

    tone: str
    icon: str
    heading: str


_MAX_SECRET = 100

NOTHING = Verdict("none", "search", "No secret or token of this instance found")
FOREIGN = Verdict("none", "info", "Well-formed, but not from this instance")
FOREIGN_KEY = Verdict("warn", "alert", "A private key that isn’t registered here")
UNREGISTERED = Verdict("warn", "alert", "A private key that isn’t registered here, but may belong to one of your clients")
DAMAGED = Verdict("warn", "alert", "Wrong checksum: part of it is missing")


def judge(finding: Finding, *, now: datetime, zone: tzinfo) -> Verdict:
    if finding.kind == "client":
        return Verdict("none", "info", f"The client ID of {finding.client.name}, which isn’t secret")
    if finding.token is not None:
        return _judge_token(finding.token, finding.client.name, now=now, zone=zone)
    if finding.pasted is Pasted.MADE_UP:
        return Verdict("ok", "check", "Invented: only the ID exists here")
    if finding.ended_at is not None:
        return Verdict("ok", "check", f"It stopped working {_say_when(finding.ended_at, now=now, zone=zone)}")
    if finding.pasted is Pasted.DAMAGED:
        return DAMAGED
    if finding.state is State.OFF:
        return Verdict("warn", "alert", "It doesn’t work now, but could work again")
    tone = "warn" if finding.pasted is Pasted.ID else ""
    return Verdict(tone, "alert", "It works right now, and it is in use" if finding.state is State.USED else "It works right now")


def judge_all(report: Report, *, now: datetime, zone: tzinfo) -> Verdict:
    """A verdict on several findings together, or on a text that contains nothing of this instance."""
    found = report.findings
    if len(found) == 1 and not report.foreign_private_keys:
        return judge(found[0], now=now, zone=zone)
    if not found:
        if report.keyholders:
            return UNREGISTERED
        if report.foreign or report.foreign_private_keys:
            return FOREIGN
        return DAMAGED if report.damaged else NOTHING
    working = [one for one in found if one.state in (State.USED, State.WORKS) and one.pasted.is_harmful]
    total = len(found) + report.left_out
    if working:
        return Verdict("", "alert", f"{total:,} found, {len(working):,} working right now")
    if report.foreign_private_keys:
        return UNREGISTERED if report.keyholders else FOREIGN_KEY
    if any(one.can_be_ended and one.pasted.is_harmful for one in found):
        return Verdict("warn", "alert", f"{total:,} found. None works right now, but they could work again")
    if all(one.pasted is Pasted.ID for one in found):
        return Verdict("none", "info", f"{total:,} IDs found, which aren’t secret")
    return Verdict("ok", "check", f"{total:,} found. None works any more")


def _judge_token(token: LeakedToken, client: str, *, now: datetime, zone: tzinfo) -> Verdict:
    if token.expires_at <= now:
        return Verdict("ok", "check", f"A token of {client} that expired {_say_when(token.expires_at, now=now, zone=zone)}")
    if token.has_ended:
        return Verdict("ok", "check", f"A token of {client} that doesn’t work any more")
    if token.refused_because:
        return Verdict("warn", "alert", f"A token of {client} that doesn’t work now, but could work again")
    return Verdict("", "alert", f"A token of {client}, valid for {_say_more(token.expires_at - now)}")


def _say_more(left: timedelta) -> str:
    """Words such as “34 more minutes”."""
    seconds = int(left.total_seconds())
    number, unit = (seconds, "second") if seconds < 60 else (seconds // 60, "minute") if seconds < 7200 else (seconds // 3600, "hour")
    return f"{number} more {unit}{'' if number == 1 else 's'}"


def _say_when(value: datetime, *, now: datetime, zone: tzinfo) -> str:
    day = moment.say_day(value, now=now, zone=zone)
    return day if day.startswith(("today", "yesterday")) else f"on {moment.say_date(value, now=now, zone=zone)}"


@dataclass(frozen=True, slots=True)
class MaskedSecret:
    """The parts of a pasted secret that may be shown: both ends, which reveal nothing about the 196 random bits between them."""

    prefix: str
    secret_id: str
    checksum: str

    def __str__(self) -> str:
        return f"{self.prefix}_{self.secret_id}_{'•' * RANDOM_LENGTH}{self.checksum}"


def mask(text: str) -> MaskedSecret | None:
    """The masked secret, if the text is exactly one whole secret; None for any other text."""
    parsed = parse(text.strip()) if len(text) < _MAX_SECRET else None
    return None if parsed is None else MaskedSecret(f"tos_{parsed.environment}", parsed.secret_id, parsed.plaintext[-CHECKSUM_LENGTH:])


def count_things(found: Sequence[Finding]) -> str:
    """The things that a button revokes: “secret”, “3 secrets” or “5 things”."""
    kinds = {finding.kind for finding in found}
    word = kinds.pop() if len(kinds) == 1 else "thing"
    return word if len(found) == 1 else f"{len(found):,} {word}s"
