"""What people are called where only a name stands: everybody chooses their own, and may choose a colleague's."""

import unicodedata
from collections import Counter
from collections.abc import Iterable

from dashboard.models import User

# What hardly anybody tells apart.
_ALIKE = str.maketrans("i1ıł0øđðħŧĸŋ", "llllooddhtkn")
# Other signs may stand for a letter, as | for l.
_SIGNS = frozenset(" .,'’-_&()")
# And together.
_ALIKE_TOGETHER = (("rn", "m"), ("vv", "w"))
# Of who is no person, as dashboard.people.actors and the filter of the log have it.
_NOBODYS = ("TokenOS", "A command", "Commands", "Hand-over links", "Whoever had the link", "Any client", "Unknown")


def tell_apart(people: Iterable[User]) -> dict[int, str]:
    """By primary key: the name alone if it can be nobody else's of these people, otherwise with the e-mail address."""
    outlines = {user: _outline(user.shown_name) for user in people}
    names = Counter([*map(_outline, _NOBODYS), *outlines.values()])
    return {user.pk: user.shown_name if _is_its_own(user.name, names[outline]) else f"{user.name} ({user.email})" for user, outline in outlines.items()}


def _outline(name: str) -> str:
    """The same for names that look alike: without case, accents, spaces and signs."""
    outline = "".join(character for character in unicodedata.normalize("NFKD", name).casefold() if character.isalnum()).translate(_ALIKE)
    for letters, letter in _ALIKE_TOGETHER:
        outline = outline.replace(letters, letter)
    return outline


def _is_its_own(name: str, alike: int) -> bool:
    """Whether it can stand alone. Without a name the address does, which is nobody else's. alike: how many names look as this one.

    A letter beyond those of Europe's Latin alphabets may look like one of them.
    """
    return not name or (alike == 1 and all(map(_is_plain, unicodedata.normalize("NFKD", name))))


def _is_plain(character: str) -> bool:
    return bool(unicodedata.combining(character)) or character in _SIGNS or (character.isalnum() and character <= "\u017f")
