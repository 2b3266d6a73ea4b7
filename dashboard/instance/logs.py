"""Logging: one JSON object per line on stderr for the server, readable lines for commands, both without secrets.

Anything that looks like one of our secrets, a JWT, the value of an Authorization or DPoP header, a private key or a link from an email is removed from every
record. This is a safety net: our code never logs a credential on purpose. Nothing here needs Django to be set up.
"""

import json
import logging
import logging.config
import re
import sys
import traceback
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from clients.foreign_text import shown, shown_path
from clients.redaction import REDACTED, may_be_logged, redact
from oauth.log_quota import spend_on_refusal

# The maximum characters of a message, a traceback entry or an extra field. A longer text comes from somebody else, and is cut before it is searched. MAX_ITEMS
# limits the items of lists and the entries of tracebacks.
MAX_CHARACTERS = 8 * 1024
MAX_ITEMS = 50

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def _cut(text: str) -> str:
    """Cuts only the end: a secret without its beginning couldn't be recognised."""
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}… ({len(text) - MAX_CHARACTERS:,} more characters)"


def _plain(value: Any, depth: int = 0) -> Any:
    """The value in JSON's types, redacted; other types as text. It never fails, because a log line that raises would hide what it was about."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else str(value)  # JSON has neither NaN nor infinity
    if depth < 5:
        if isinstance(value, Mapping):
            items = [(_cut(_text(name)), item) for name, item in islice(value.items(), MAX_ITEMS)]
            return {redact(name): _plain(item, depth + 1) if may_be_logged(name) else REDACTED for name, item in items}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [_plain(item, depth + 1) for item in islice(value, MAX_ITEMS)]
    return redact(_cut(_text(value)))


def _text(value: Any) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001  # __str__ may raise anything
        return f"<{type(value).__name__}>"


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001  # wrong arguments, or an argument that can't be shown
        return f"{_text(record.msg)} {_text(record.args)}"


def _describe_exception(entries: Sequence[str]) -> str:
    """entries: from traceback.format_exception. The first ones show the request, the last ones the failure."""
    if len(entries) > MAX_ITEMS:
        middle = f"  … {len(entries) - MAX_ITEMS} entries left out …\n"
        entries = [*entries[: MAX_ITEMS // 2], middle, *entries[-MAX_ITEMS // 2 :]]
    return redact("".join(_cut(entry) for entry in entries).rstrip())


class RedactingFilter(logging.Filter):
    """Redacts secrets in message, extra fields and exception once, so that no formatter can show them. Keeps every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = record.__dict__.pop("request", None)
        if request is not None and isinstance(record.args, tuple):
            record.args = tuple(shown_path(argument) if isinstance(argument, str) and argument.startswith("/") else argument for argument in record.args)
        record.msg, record.args = redact(_cut(_message(record))), None
        if record.exc_info and not record.exc_text and record.exc_info[0] is not None:
            record.exc_text = _describe_exception(traceback.format_exception(*record.exc_info))
        elif record.exc_text:
            record.exc_text = redact(_cut(record.exc_text))
        if record.stack_info:
            record.stack_info = redact(_cut(record.stack_info))
        if request is not None:
            record.__dict__.update(_describe_request(request))
        for name in record.__dict__.keys() - _STANDARD:
            record.__dict__[name] = _plain(record.__dict__[name]) if may_be_logged(name) else REDACTED
        return True


# Django's messages about a refused header, up to the header's value, and our text after the value.
_OF_HEADERS = {
    "Invalid HTTP_HOST header: ": ". You may need to add it to ALLOWED_HOSTS.",
    "Origin checking failed - ": " does not match any trusted origins.",
    "Referer checking failed - ": " does not match any trusted origins.",
}
_KNOWN_REFERERS = ("no Referer.", "Referer is malformed.", "Referer is insecure while host is secure.")


def _cut_foreign(text: Any) -> Any:
    """Text that Django quotes from a request may be a credential, so only its beginning stays."""
    if not isinstance(text, str):
        return text
    for said, rest in _OF_HEADERS.items():
        if text.startswith(said) and text[len(said) :] not in _KNOWN_REFERERS:
            return said + shown(text[len(said) :].removesuffix(rest).lstrip("'\"")) + rest
    return re.sub(r"'.*'", lambda quoted: f"'{shown(quoted[0][1:-1])}'", text, flags=re.DOTALL)


class StrangersFilter(logging.Filter):
    """Django logs each refused request as an error, often with a traceback, although it is the sender's mistake. A warning is enough for an operator whose
    ALLOWED_HOSTS lacks a name. It has no traceback, which would hide those of our own failures, and only the beginning of the sent text. A frequently
    refused network gets only a few lines. This filter must come before RedactingFilter.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        is_refused = record.name == "django.request" and getattr(record, "status_code", 500) < 500
        if is_refused or record.name.startswith("django.security"):
            record.exc_info = record.exc_text = None
            if record.name.startswith("django.security"):
                record.msg = _cut_foreign(record.msg)
                record.args = tuple(map(_cut_foreign, record.args)) if isinstance(record.args, tuple) else record.args
            record.levelno, record.levelname = logging.WARNING, "WARNING"
            return _may_write(record)
        return True


def _may_write(record: logging.LogRecord) -> bool:
    connection = getattr(getattr(record, "request", None), "connection", None)
    kind = f"{record.name} {getattr(record, 'status_code', '')}"
    left_out = spend_on_refusal(kind, connection.remote_address if connection is not None else "")
    record.__dict__["left_out"] = left_out or None
    return left_out is not None


def _describe_request(request: Any) -> dict[str, Any]:
    """Django passes the whole request, whose text contains the query string. The path is enough to find the view, and the ID to find the rest. Only the
    beginning of each segment stays, because people append pasted text to an address.
    """
    connection = getattr(request, "connection", None)
    return {
        "method": getattr(request, "method", None),
        "path": shown_path(str(getattr(request, "path", ""))),
        **({"request_id": connection.request_id} if connection is not None else {}),
    }


class JSONFormatter(logging.Formatter):
    """Formats a record as one object on a line: time, level, logger, message, then the extra fields, then exception and stack, if any."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.msg,
        }
        extra = {name: value for name, value in sorted(vars(record).items()) if name not in _STANDARD and name not in line and value is not None}
        line.update(extra)
        if record.exc_text:
            line["exception"] = record.exc_text
        if record.stack_info:
            line["stack"] = record.stack_info
        return json.dumps(line)


def is_command() -> bool:
    """Whether this process is manage.py, whose output a person reads."""
    return Path(sys.argv[0]).name == "manage.py"


def configure(config: Mapping[str, Any]) -> None:
    """Django's LOGGING_CONFIG, also called by gunicorn.py. config: settings.LOGGING, with the server's level. Commands show only warnings and errors."""
    command = is_command()
    formatter: dict[str, Any] = {"format": "%(levelname)s: %(message)s"} if command else {"()": JSONFormatter}
    # Django's own loggers have handlers by default, which would write every line twice.
    through_root = {"handlers": [], "level": "NOTSET", "propagate": True}
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {"strangers": {"()": StrangersFilter}, "redact": {"()": RedactingFilter}},
            "formatters": {"line": formatter},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["strangers", "redact"]}},
            "loggers": {"django": through_root, "django.server": through_root},
            "root": {"handlers": ["stderr"], "level": "WARNING" if command else config["level"]},
        }
    )
