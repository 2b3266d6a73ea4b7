"""Requests for a token that run as they are shown: with the client's own ID, scopes and method, and this server's address."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest

from dashboard.frame.snippets import curl, go, javascript, python
from dashboard.frame.snippets.highlighting import Highlighted, highlight
from dashboard.frame.snippets.token_request import TokenRequest

__all__ = ["COOKIE", "Snippet", "TokenRequest", "chosen_language", "highlight", "snippets_for"]

COOKIE = "__Host-language"
_LANGUAGES = {"curl": ("curl", curl), "python": ("Python", python), "javascript": ("JavaScript", javascript), "go": ("Go", go)}
DEFAULT = "curl"


@dataclass(frozen=True, slots=True)
class Snippet:
    """language: as it is remembered. label: as people say it. code: the text, as HTML with its parts marked."""

    language: str
    label: str
    code: Highlighted


def snippets_for(request: TokenRequest) -> Sequence[Snippet]:
    """In each language."""
    return [Snippet(language, label, highlight(module.write(request), language)) for language, (label, module) in _LANGUAGES.items()]


def chosen_language(request: HttpRequest) -> str:
    """The one that the reader looked at last."""
    language = request.COOKIES.get(COOKIE, DEFAULT)
    return language if language in _LANGUAGES else DEFAULT
