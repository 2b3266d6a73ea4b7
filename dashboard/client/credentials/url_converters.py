"""URL converters for values that somebody else has chosen."""

import re

from clients import base64url

_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_ENCODED = "~"


class KidConverter:
    """A kid, which may be any visible ASCII (RFC 7517 §4.5): unchanged if it can be a path segment, otherwise its base64url after a tilde."""

    regex = "[A-Za-z0-9._~-]+"

    def to_python(self, value: str) -> str:
        """Raise ValueError for any other value, as Django requires."""
        return base64url.decode(value.removeprefix(_ENCODED)).decode() if value.startswith(_ENCODED) else value

    def to_url(self, kid: str) -> str:
        return kid if _PLAIN.fullmatch(kid) else _ENCODED + base64url.encode(kid.encode())
