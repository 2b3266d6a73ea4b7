"""One search result, and how well it matches."""

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
    """group: the heading. note: the text after the label. client_id: for the client's picture, "" if it has an icon instead."""

    group: str
    label: str
    url: str
    fit: Fit
    note: str = ""
    icon: str = ""
    client_id: str = ""


def fit_of(text: str, label: str, *, words: str = "") -> Fit | None:
    """A number for how well text matches a label; None if it doesn't. words: synonyms."""
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


# Shorter texts match nearly everything.
LEAST_FUZZY = 3


def _is_within(wanted: str, found: str) -> bool:
    """Whether the text's characters occur in that order, with anything between them."""
    rest = iter(found)
    return all(character in rest for character in wanted)
