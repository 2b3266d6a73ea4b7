"""One thing that was found, and how well it fits."""

from dataclasses import dataclass
from enum import IntEnum


class Fit(IntEnum):
    FUZZY = 1
    WORD = 2
    PART = 3
    BEGINNING = 4
    EXACT = 5


@dataclass(frozen=True, slots=True)
class Hit:
    """group: its heading. note: what stands behind the label. client_id: for the cut, "" where an icon stands."""

    group: str
    label: str
    url: str
    fit: Fit
    note: str = ""
    icon: str = ""
    client_id: str = ""


def fit_of(text: str, label: str, *, words: str = "") -> Fit | None:
    """How well text fits a label; words: others that mean the same. None where it doesn't."""
    wanted, found = text.casefold(), label.casefold()
    if wanted == found:
        return Fit.EXACT
    if found.startswith(wanted):
        return Fit.BEGINNING
    if wanted in found:
        return Fit.PART
    if all(word in f"{found} {words}" for word in wanted.split()):
        return Fit.WORD
    return Fit.FUZZY if len(wanted) >= LEAST_FUZZY and _is_within(wanted, found) else None


# Shorter ones are in nearly everything.
LEAST_FUZZY = 3


def _is_within(wanted: str, found: str) -> bool:
    """Whether its characters come in that order, whatever is between them."""
    rest = iter(found)
    return all(character in rest for character in wanted)
