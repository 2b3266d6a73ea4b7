"""Requests for a token that run as they are shown: with the client's own ID, scopes and method, and this server's address.

templates/components/snippets has one for each language.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest
from django.template.loader import render_to_string

from dashboard.frame.snippets.highlighting import Highlighted, highlight
from dashboard.frame.snippets.token_request import TokenRequest

__all__ = ["COOKIE", "Snippet", "TokenRequest", "chosen_language", "curl", "go", "highlight", "javascript", "python", "snippets_for"]

COOKIE = "__Host-language"


@dataclass(frozen=True, slots=True)
class Language:
    """name: as stored. label: for people."""

    name: str
    label: str

    def write(self, request: TokenRequest) -> str:
        return render_to_string(f"components/snippets/{self.name}.txt", {"request": request}).strip()


curl, python, javascript, go = Language("curl", "curl"), Language("python", "Python"), Language("javascript", "JavaScript"), Language("go", "Go")
_LANGUAGES = (curl, python, javascript, go)


@dataclass(frozen=True, slots=True)
class Snippet:
    """language: as stored. label: for people. code: the text as HTML with its parts marked."""

    language: str
    label: str
    code: Highlighted


def snippets_for(request: TokenRequest) -> Sequence[Snippet]:
    """The snippets in each language."""
    return [Snippet(language.name, language.label, highlight(language.write(request), language.name)) for language in _LANGUAGES]


def chosen_language(request: HttpRequest) -> str:
    """The language that the reader looked at last."""
    language = request.COOKIES.get(COOKIE, "")
    return language if any(language == known.name for known in _LANGUAGES) else curl.name
