"""Formats a command's result as a table for people."""

from collections.abc import Mapping
from typing import Any

_NAMES = {"kid": "Key ID", "x5t#S256": "x5t#S256"}
_WORDS = {"id": "ID", "jwks": "JWKS", "uri": "URI", "tls": "TLS", "dpop": "DPoP", "jwts": "JWTs"}


# The words for a missing value.
_ABSENT = {"algorithm": "any RSA"}


def _label(name: str) -> str:
    words = name.replace("_", " ").capitalize().split()
    return _NAMES.get(name) or " ".join(_WORDS.get(word.lower(), word) for word in words)


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "never" if name.endswith("_at") else _ABSENT.get(name, "none")
    if isinstance(value, list):
        return ", ".join(_cell(name, item) for item in value)
    return str(value)


def render_table(result: Mapping[str, Any]) -> list[str]:
    """The lines of the table: one for each value, and a separate table for each list of objects. Empty lists are left out."""
    plain = {name: value for name, value in result.items() if value not in ([], ()) and not _is_list_of_objects(value)}
    width = max(map(len, map(_label, plain)), default=0)
    lines = [f"{_label(name):{width}}  {_cell(name, value)}" for name, value in plain.items()]
    for name, rows in result.items():
        if _is_list_of_objects(rows):
            cells = [[_label(column) for column in rows[0]], *([_cell(column, value) for column, value in row.items()] for row in rows)]
            widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
            lines += ["", _label(name), *("  " + "  ".join(f"{text:{width}}" for text, width in zip(row, widths, strict=True)).rstrip() for row in cells)]
    return lines


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)
