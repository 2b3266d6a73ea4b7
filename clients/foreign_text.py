"""Decides how much of a stranger's text may be stored, logged or shown.

Programs put credentials into any field: whole, cut off, or joined to the right value. The beginning of a secret shows what it is, but a later part looks like
any text, so only the length can be limited. An attacker with twelve of a secret's 33 random characters still has to guess 125 bits.
"""

MAX_SHOWN = 12

# The scheme of a URL says nothing, and no secret begins with one.
_SCHEMES = ("https://", "http://")


def shown(value: object, *, after: str = "") -> str:
    """The beginning of the text, which is safe to write anywhere. after: a known text, such as our own address, that may come before it."""
    text = value if isinstance(value, str) else str(value)
    known = next((beginning for beginning in (after, *_SCHEMES) if beginning and text.startswith(beginning)), "")
    rest = text[len(known) : len(known) + MAX_SHOWN + 1]
    beginning = "".join(character if character.isascii() and character.isprintable() else "?" for character in rest[:MAX_SHOWN])
    return known + beginning + ("…" if len(rest) > MAX_SHOWN else "")


def shown_path(path: str) -> str:
    """The beginning of each segment, up to a dozen: none of our addresses has more."""
    segments = path.split("/", MAX_SHOWN)
    return "/".join(map(shown, segments))
