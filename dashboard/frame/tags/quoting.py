"""A value in a piece of code that somebody will copy: nothing in it is more than text there, whoever chose it.

Each value in templates/docs/code goes through one of these, for the language of its place (tests/dashboard/docs/test_hostile_values.py).
"""

from urllib.parse import quote as percent_encode

from django import template

from dashboard.frame.snippets.token_request import between_quotes, quote, word

register = template.Library()


@register.filter
def shell(text: str) -> str:
    """A word for sh, bash and zsh."""
    return word(text)


@register.filter
def within_quotes(text: str) -> str:
    """A part of such a word that stands between double quotes, as beside a variable."""
    return between_quotes(text)


@register.filter
def string(text: str) -> str:
    """A string of Python, JavaScript, Go, JSON and YAML."""
    return quote(text)


@register.filter
def nginx(text: str) -> str:
    """A parameter of a directive that takes no variables. It may hold everything between quotes but them and the backslash."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@register.filter
def url(text: str) -> str:
    """An address where neither quotes nor variables can be escaped: what is more than text anywhere is percent-encoded."""
    return percent_encode(text, safe="/:?&=%+-._~[]@,")


@register.filter
def envoy(text: str) -> str:
    """The value of a header, in YAML. Between percent signs stands a command there."""
    return quote(text.replace("%", "%%"))


@register.filter
def caddy(text: str) -> str:
    """A token of a Caddyfile. A brace begins a placeholder there, even between quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("{", "\\{") + '"'
