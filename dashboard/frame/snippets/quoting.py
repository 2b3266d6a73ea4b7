"""Quotes a value for code that somebody will copy, so that it stays plain text there, even if an attacker chose it.

Each value in templates/docs/code and templates/components/snippets goes through one of these, for the language of its place
(tests/servers/test_hostile_samples.py and tests/dashboard/test_sample_templates.py).
"""

import json
import re
import shlex
from urllib.parse import quote as percent_encode

from django import template

register = template.Library()

# Harmless between double quotes in every shell.
_PLAIN = re.compile(r"[\w :./@,=+-]*", re.ASCII)


@register.filter("string")
def quote(text: str) -> str:
    """A string for Python, JavaScript, Go, JSON and YAML: all of them read JSON's escapes, except those beyond the BMP."""
    return json.dumps(text, ensure_ascii=False)


@register.filter("shell")
def word(text: str) -> str:
    """A word for sh, bash and zsh, without quotes if it needs none. In zsh a word that begins with = is the path of a program."""
    if _PLAIN.fullmatch(text) is None:
        return shlex.quote(text)
    return f'"{text}"' if not text or " " in text or text.startswith("=") else text


@register.filter
def within_quotes(text: str) -> str:
    """A part of such a word between double quotes, such as beside a variable. An interactive bash interprets ! even there, so ! gets other quotes."""
    return re.sub(r'([\\"$`])', r"\\\1", text).replace("!", "\"'!'\"")


@register.filter
def within_apostrophes(text: str) -> str:
    """A part of such a word between single quotes, such as JSON."""
    return text.replace("'", "'\\''")


@register.filter
def nginx(text: str) -> str:
    """A parameter of a directive without variables. Between quotes it may contain anything except quotes and backslashes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@register.filter
def url(text: str) -> str:
    """A URL in a place where neither quotes nor variables can be escaped: characters that are special anywhere are percent-encoded."""
    return percent_encode(text, safe="/:?&=%+-._~[]@,")


@register.filter
def envoy(text: str) -> str:
    """The value of a header, in YAML. Text between percent signs is a command there."""
    return quote(text.replace("%", "%%"))


@register.filter
def caddy(text: str) -> str:
    """A token of a Caddyfile. A brace begins a placeholder there, even between quotes."""
    return nginx(text).replace("{", "\\{")
