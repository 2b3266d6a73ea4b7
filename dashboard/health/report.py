"""The page that answers “is it us?”: one sentence and a row for each part, and since when a part has been failing."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from threading import Lock
from time import monotonic

from django.conf import settings
from django.utils import timezone

from dashboard.health import parts as health_parts
from dashboard.health import since as health_since
from dashboard.health.parts import BAD, GOOD, OFF, SOON, Part

# Each process measures at most this often, even if many people look at the page.
REUSED_SECONDS = 5

STARTED_AT = timezone.now()

_lock = Lock()
_measured: tuple[float, list["PartRow"]] | None = None


@dataclass(frozen=True, slots=True)
class PartRow:
    """since: when a worker of this machine first saw the part in its current state, if that isn't good."""

    part: Part
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """state: GOOD, SOON or BAD. lead, rest: the sentence, with lead in bold. at: since when, None if unknown."""

    state: str
    lead: str
    rest: str = ""
    at: datetime | None = None


def report(now: datetime) -> list[PartRow]:
    global _measured
    with _lock:
        if _measured is None or monotonic() - _measured[0] >= REUSED_SECONDS:
            _measured = (monotonic(), _measure(now))
        return _measured[1]


def _measure(now: datetime) -> list[PartRow]:
    parts = health_parts.measure(now)
    since = health_since.remember({part.key: part.state for part in parts}, now=now)
    return [PartRow(part, since[part.key] if part.state in (SOON, BAD) else None) for part in parts]


def judge(rows: Sequence[PartRow]) -> Verdict:
    bad = [row for row in rows if row.part.state == BAD]
    soon = [row for row in rows if row.part.state == SOON]
    fatal = next((row for row in bad if row.part.stops_tokens), None)
    if fatal is not None:
        return Verdict(BAD, "Tokens can’t be issued:", fatal.part.problem, fatal.since)
    needing = bad or soon
    if not needing:
        return Verdict(GOOD, "All is well.")
    count = "1 problem needs" if len(needing) == 1 else f"{len(needing)} problems need"
    when = "attention now" if bad else "attention soon"
    listed = "; ".join(row.part.problem for row in needing)
    return Verdict(BAD if bad else SOON, f"Tokens are being issued. {count} {when}:", listed, needing[0].since if len(needing) == 1 else None)


def states(rows: Sequence[PartRow]) -> str:
    """A text for screen readers, which changes only when a state changes."""
    unwell = [f"{row.part.name}: {row.part.word}" for row in rows if row.part.state not in (GOOD, OFF)]
    return ", ".join(unwell) or "All is well"


@cache
def version() -> str:
    """The release's version; "" if it can't be read."""
    try:
        with (settings.BASE_DIR / "pyproject.toml").open("rb") as file:
            return str(tomllib.load(file)["project"]["version"])
    except (OSError, KeyError, ValueError):
        return ""
