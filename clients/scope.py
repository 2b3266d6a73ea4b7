"""Scope strings, RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ), separated by single spaces."""

import re

from django.core.exceptions import ValidationError

MAX_SCOPE_LENGTH = 128

# Only characters that aren't special to shells and in configurations, because people copy scopes into both.
_NAME = re.compile(r"[A-Za-z0-9._:/@+,=%-]+")
_SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+(?: [\x21\x23-\x5B\x5D-\x7E]+)*")


def parse_scope(text: str) -> tuple[str, ...] | None:
    """The scopes in the requested order, without repetitions. None if the string is malformed."""
    if not _SCOPE.fullmatch(text):
        return None
    return tuple(dict.fromkeys(text.split(" ")))


def validate_scope_name(name: str) -> None:
    """Check a new scope's name. An existing scope may have any name that the grammar allows."""
    if len(name) > MAX_SCOPE_LENGTH or not _NAME.fullmatch(name):
        raise ValidationError(
            f"“{name[:40]}” isn't a scope. Use at most {MAX_SCOPE_LENGTH} letters, digits and . _ : / @ + , = % -, such as orders:read.",
            code="invalid_scope",
        )


def scope_member(scopes: tuple[str, ...]) -> dict[str, str]:
    """The scope member of a JSON object. The grammar has no empty scope, so without scopes the member is left out."""
    return {"scope": " ".join(scopes)} if scopes else {}
