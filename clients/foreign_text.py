"""What may be kept, logged or shown of a text that somebody sent and that nothing here knows.

Programs put a credential into whatever field they get at: whole, cut off, glued to what belongs there. Its beginning tells what it is; of its end nothing does,
so a length is all that can be gone by. Whoever has twelve of the 33 random characters of a secret has 125 bits to guess.
"""

MOST_SHOWN = 12

# What URLs begin with says nothing, and no secret does.
_SCHEMES = ("https://", "http://")


def shown(value: object, *, after: str = "") -> str:
    """Its beginning, harmless wherever it is written. after: what is known, such as our own address, and may stand before those characters."""
    text = value if isinstance(value, str) else str(value)
    known = next((beginning for beginning in (after, *_SCHEMES) if beginning and text.startswith(beginning)), "")
    rest = text[len(known) : len(known) + MOST_SHOWN + 1]
    beginning = "".join(character if character.isascii() and character.isprintable() else "?" for character in rest[:MOST_SHOWN])
    return known + beginning + ("…" if len(rest) > MOST_SHOWN else "")


def shown_path(path: str) -> str:
    """The beginning of each segment, of which there may be a dozen: no address of ours has more."""
    segments = path.split("/", MOST_SHOWN)
    return "/".join(map(shown, segments))
