"""What people are called where only a name stands: everybody chooses their own, and may choose a colleague's."""

import unicodedata
from collections import Counter
from collections.abc import Iterable

from dashboard.models import User

# What hardly anybody tells apart.
_ALIKE = str.maketrans({"i": "l", "1": "l", "0": "o"})


def tell_apart(people: Iterable[User]) -> dict[int, str]:
    """By primary key: the name alone if it can be nobody else's of these people, otherwise with the e-mail address."""
    people = list(people)
    names = Counter(_outline(user.shown_name) for user in people)
    alone = {user.pk for user in people if _is_plain(user) and names[_outline(user.shown_name)] == 1}
    return {user.pk: user.shown_name if user.pk in alone or not user.name else f"{user.name} ({user.email})" for user in people}


def _outline(name: str) -> str:
    """The same for names that look alike: without case, accents, spaces and signs."""
    return "".join(character for character in unicodedata.normalize("NFKD", name).casefold() if character.isalnum()).translate(_ALIKE)


def _is_plain(user: User) -> bool:
    """An address stands for itself, but not for somebody else; and a letter beyond those of Europe's Latin alphabets may look like one of them."""
    if not user.name:
        return True
    letters = (character for character in unicodedata.normalize("NFKD", user.name) if character.isalpha())
    return "@" not in user.name and all(letter <= "\u017f" for letter in letters)
