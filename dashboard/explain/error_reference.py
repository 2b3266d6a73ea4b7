"""Every error and every reason with what to do, as docs/errors.md has them: one text, whose completeness its own tests see to."""

import re
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from dashboard.frame.typography import typeset

_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")
_CELLS = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True)
class ErrorCode:
    status: str
    error: str
    cause: SafeString
    fix: SafeString


@dataclass(frozen=True, slots=True)
class ReasonCode:
    code: str
    sentence: SafeString
    fix: SafeString


@cache
def read_reference() -> tuple[list[ErrorCode], list[ReasonCode]]:
    text = (settings.BASE_DIR / "docs" / "errors.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in _CELLS.split(line)[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    codes = [ErrorCode(row[0], row[1].strip("`"), _render(row[2]), _render(row[3])) for row in rows if len(row) == 4 and row[0].isdigit()]
    reasons = [ReasonCode(row[0].strip("`"), _render(row[1]), _render(row[2])) for row in rows if len(row) == 3 and row[0].startswith("`")]
    return codes, reasons


def _render(markdown: str) -> SafeString:
    """Code in backticks; of links the words, for they lead to other files."""
    plain = _LINK.sub(r"\1", markdown.replace(r"\|", "|"))
    parts = _CODE.split(plain)
    return mark_safe("".join(format_html("<code>{}</code>", part) if index % 2 else conditional_escape(typeset(part)) for index, part in enumerate(parts)))  # noqa: S308
