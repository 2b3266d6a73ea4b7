"""Names people in places that only show a name: people choose their own names, and could choose a colleague's."""

import unicodedata
from collections import Counter
from collections.abc import Iterable

from dashboard.models import User

# Characters that are hard to tell apart.
_ALIKE = str.maketrans("i1ıł0øđðħŧĸŋ", "llllooddhtkn")
# Any other sign may be mistaken for a letter, like | for l.
_SIGNS = frozenset(" .,'’-_&()")
# Combinations that look like one letter.
_ALIKE_TOGETHER = (("rn", "m"), ("vv", "w"))
# Names for actors that aren't people, in dashboard.people.actors and in the log's filter.
_NOBODYS = ("TokenOS", "A command", "Commands", "Hand-over links", "Somebody with the link", "Any client", "Unknown", "system", "root")


def tell_apart(people: Iterable[User], others: Iterable[str] = ()) -> dict[int, str]:
    """The names by primary key: the name alone if it can't be mistaken for another of these people or others, otherwise with the email address.

    others: names of actors that aren't people.
    """
    outlines = {user: _outline(user.shown_name) for user in people}
    names = Counter([*map(_outline, (*_NOBODYS, *others)), *outlines.values()])
    return {user.pk: user.shown_name if _is_its_own(user.name, names[outline]) else f"{user.name} ({user.email})" for user, outline in outlines.items()}


def _outline(name: str) -> str:
    """A text that is the same for names that look alike: without case, accents, spaces and punctuation."""
    outline = "".join(character for character in unicodedata.normalize("NFKD", name).casefold() if character.isalnum()).translate(_ALIKE)
    for letters, letter in _ALIKE_TOGETHER:
        outline = outline.replace(letters, letter)
    return outline


def _is_its_own(name: str, alike: int) -> bool:
    """Whether the name can be shown alone. If the name is empty, the address is shown, which is unique. alike: the number of names that look like this one.

    A letter outside Europe's Latin alphabets may look like one of them.
    """
    return not name or (alike == 1 and all(map(_is_plain, unicodedata.normalize("NFKD", name))))


def _is_plain(character: str) -> bool:
    return bool(unicodedata.combining(character)) or character in _SIGNS or (character.isalnum() and character <= "\u017f")
