"""Marks the strings, comments and words of code for readers. It is only good enough for our own snippets."""

import re
from typing import NewType

from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

Highlighted = NewType("Highlighted", SafeString)

_STRING = r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|`[^`]*`'
_COMMENTS = {"python": r"#[^\n]*", "curl": r"(?m:^|(?<=\s))#[^\n]*", "javascript": r"//[^\n]*", "go": r"//[^\n]*"}
_WORDS = {
    "curl": r"curl|openssl|printf|\.venv/bin/python",
    "python": "import|from|with|as|def|return|open",
    "javascript": "import|from|const|await|async|function|return|new|if|throw",
    "go": "package|import|func|if|return|map|defer",
}


def highlight(code: str, language: str) -> Highlighted:
    """language: curl, python, javascript or go."""
    pattern = re.compile(rf"(?P<s>{_STRING})|(?P<c>{_COMMENTS[language]})|(?P<k>(?<!\w)(?:{_WORDS[language]})\b)")
    parts, end = [], 0
    for match in pattern.finditer(code):
        parts.append(conditional_escape(code[end : match.start()]))
        parts.append(format_html('<span class="{}">{}</span>', match.lastgroup, match[0]))
        end = match.end()
    return Highlighted(mark_safe("".join([*parts, conditional_escape(code[end:])])))  # noqa: S308  # each part is escaped
