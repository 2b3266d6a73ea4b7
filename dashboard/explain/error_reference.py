"""Every error and every reason, with advice, for a page."""

import re
from dataclasses import dataclass
from functools import cache

from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from dashboard.frame.typography import typeset
from oauth.error_codes import ERROR_CODES
from oauth.reasons import REFUSALS, Refusal

_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")


@dataclass(frozen=True, slots=True)
class ErrorRow:
    status: int
    error: str
    cause: SafeString
    fix: SafeString


@dataclass(frozen=True, slots=True)
class ReasonRow:
    code: str
    sentence: SafeString
    fix: SafeString


@cache
def error_rows() -> list[ErrorRow]:
    return [ErrorRow(code.status, code.error, _render(code.when), _render(code.what_to_do)) for code in ERROR_CODES]


@cache
def reason_rows() -> list[ReasonRow]:
    return [_describe(refusals) for _, refusals in sorted(REFUSALS.items())]


def _describe(refusals: tuple[Refusal, ...]) -> ReasonRow:
    refusal = refusals[0]
    return ReasonRow(refusal.code, _render(" Or: ".join(each.shape for each in refusals)), _render(refusal.whole_advice))


def _render(markdown: str) -> SafeString:
    """Renders code in backticks. Only the words of links stay, because links lead to other files."""
    parts = _CODE.split(_LINK.sub(r"\1", markdown))
    return mark_safe("".join(format_html("<code>{}</code>", part) if index % 2 else conditional_escape(typeset(part)) for index, part in enumerate(parts)))  # noqa: S308
