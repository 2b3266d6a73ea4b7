"""The command that does the same as a form, ready to paste into a shell."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from clients.duration import format_duration
from clients.models import Client
from clients.tls_subject import spell_subject_type
from dashboard.frame.snippets.quoting import word

PROGRAM = ".venv/bin/python manage.py"

# In characters: the width of the column beside a form, without the indent and the backslash.
_MAX_LINE = 32

_OPTIONS = {
    "name": "--name",
    "description": "--description",
    "contact": "--contact",
    "tags": "--tag",
    "auth_methods": "--auth-method",
    "audiences": "--audience",
    "allowed_networks": "--allow-ip",
    "token_lifetime": "--token-lifetime",
    "jwks_uri": "--jwks-uri",
}
_FLAGS = {"require_dpop": "--require-dpop", "require_certificate": "--require-certificate"}

Value = str | int | datetime | timedelta | None


def write_command(name: str, *words: str, options: Iterable[tuple[str, Value]] = (), flags: Iterable[str] = ()) -> str:
    """words: positional arguments. options: names and values; options with "" or None are left out."""
    # Arguments that look like options go after “--”.
    behind = any(each.startswith("-") for each in words)
    named = [_assign(option, text) for option, value in options if (text := _say(value))]
    start = [name] if behind else _lines([name, *map(word, words)])
    return " \\\n  ".join([PROGRAM, *start, *named, *flags, *([" ".join(["--", *map(word, words)])] if behind else [])])


def _lines(words: list[str]) -> list[str]:
    """The words on one line if they fit, otherwise the first word on its own line."""
    line = " ".join(words)
    return [line] if len(line) <= _MAX_LINE or len(words) == 1 else [words[0], *_lines(words[1:])]


def write_update(client: Client, changes: Mapping[str, Any]) -> str:
    """The command that changes a client, "" for no changes. changes: its columns', from clients.services.client_changes.propose."""
    if not changes:
        return ""
    words: list[str] = []
    for name, option in _OPTIONS.items():
        if name in changes:
            values = changes[name] if isinstance(changes[name], list) else [changes[name]]
            words += [_assign(option, str(value)) for value in values or [""]]
    if "scopes" in changes:
        words.append(_assign("--scope", " ".join(changes["scopes"])))
    if "tls_subject" in changes or "tls_subject_type" in changes:
        of_type, subject = (changes.get(name, getattr(client, name)) for name in ("tls_subject_type", "tls_subject"))
        words.append(_assign("--tls-subject", f"{spell_subject_type(of_type)}:{subject}" if subject else ""))
    words += [option if changes[name] else option.replace("--", "--no-") for name, option in _FLAGS.items() if name in changes]
    return write_command("update_client", client.client_id, flags=words)


def _assign(option: str, value: str) -> str:
    return f"{option}={word(value)}" if value.startswith("-") else f"{option} {word(value)}"


def _say(value: Value) -> str:
    match value:
        case timedelta():
            return format_duration(value)
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return "" if value is None else str(value)
