"""Logging: one JSON object a line on stderr for the server, readable lines for commands; without secrets in either.

Whatever looks like a secret of ours, a JWT, the value of an Authorization or DPoP header, a private key or the link of a mail is taken out of every record,
wherever in the program it was logged. That is a net for mistakes: nothing of ours logs a credential on purpose. Nothing here needs a started Django.
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

from clients.credential_text import REDACTED, may_be_logged, redact
from clients.foreign_text import shown, shown_path

# Characters of a message, of one entry of a traceback and of one extra field; what is longer is somebody else's text, and is cut off before it is looked
# through. Of lists so many items, and of tracebacks entries.
MOST_CHARACTERS = 8 * 1024
MOST_ITEMS = 50

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def _cut(text: str) -> str:
    """Only from its end: of a secret whose beginning is gone nobody could tell that it is one."""
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}… ({len(text) - MOST_CHARACTERS:,} more characters)"


def _plain(value: Any, depth: int = 0) -> Any:
    """The value in JSON's types, redacted; whatever JSON lacks as text. It never fails: a log line that raises would hide what it was about."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else str(value)  # JSON has neither NaN nor infinity
    if depth < 5:
        if isinstance(value, Mapping):
            items = [(_cut(_text(name)), item) for name, item in islice(value.items(), MOST_ITEMS)]
            return {redact(name): _plain(item, depth + 1) if may_be_logged(name) else REDACTED for name, item in items}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [_plain(item, depth + 1) for item in islice(value, MOST_ITEMS)]
    return redact(_cut(_text(value)))


def _text(value: Any) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001  # whatever the object's __str__ does
        return f"<{type(value).__name__}>"


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001  # wrong arguments, or an argument that can't be shown
        return f"{_text(record.msg)} {_text(record.args)}"


def _describe_exception(entries: Sequence[str]) -> str:
    """entries: of traceback.format_exception. The first ones say what was asked, the last ones what failed."""
    if len(entries) > MOST_ITEMS:
        middle = f"  … {len(entries) - MOST_ITEMS} entries left out …\n"
        entries = [*entries[: MOST_ITEMS // 2], middle, *entries[-MOST_ITEMS // 2 :]]
    return redact("".join(_cut(entry) for entry in entries).rstrip())


class RedactingFilter(logging.Filter):
    """Replaces what is secret in message, extra fields and exception, once, so that no formatter can show it. Keeps every record."""

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


# What Django says of a header that it doesn't accept, up to its value, and how we go on after that.
_OF_HEADERS = {
    "Invalid HTTP_HOST header: ": ". You may need to add it to ALLOWED_HOSTS.",
    "Origin checking failed - ": " does not match any trusted origins.",
    "Referer checking failed - ": " does not match any trusted origins.",
}
_KNOWN_REFERERS = ("no Referer.", "Referer is malformed.", "Referer is insecure while host is secure.")


def _cut_foreign(text: Any) -> Any:
    """What Django quotes of a request is its sender's, and may be a credential: its beginning stays."""
    if not isinstance(text, str):
        return text
    for said, rest in _OF_HEADERS.items():
        if text.startswith(said) and text[len(said) :] not in _KNOWN_REFERERS:
            return said + shown(text[len(said) :].removesuffix(rest).lstrip("'\"")) + rest
    return re.sub(r"'.*'", lambda quoted: f"'{shown(quoted[0][1:-1])}'", text, flags=re.DOTALL)


class StrangersFilter(logging.Filter):
    """Django writes the traceback of each request that it refuses, or calls it an error. It is the sender's fault, whoever that is: worth a warning, for an
    operator whose ALLOWED_HOSTS lacks a name, but no traceback, among which those of our own faults would be lost, and no more of what was sent than its
    beginning. To come before RedactingFilter.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        is_refused = record.name == "django.request" and getattr(record, "status_code", 500) < 500
        if is_refused or record.name.startswith("django.security"):
            record.exc_info = record.exc_text = None
            if record.name.startswith("django.security"):
                record.msg = _cut_foreign(record.msg)
                record.args = tuple(map(_cut_foreign, record.args)) if isinstance(record.args, tuple) else record.args
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


def _describe_request(request: Any) -> dict[str, Any]:
    """Django passes the whole request, whose text has the query string in it. The path is enough to find the view, the ID to find the rest; of each of its
    segments the beginning, for people paste what they have at hand behind an address.
    """
    connection = getattr(request, "connection", None)
    return {
        "method": getattr(request, "method", None),
        "path": shown_path(str(getattr(request, "path", ""))),
        **({"request_id": connection.request_id} if connection is not None else {}),
    }


class JSONFormatter(logging.Formatter):
    """One object a line: time, level, logger, message, then the extra fields, then exception and stack, where there are any."""

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
    """Whether this process is manage.py, whose reader is a person."""
    return Path(sys.argv[0]).name == "manage.py"


def configure(config: Mapping[str, Any]) -> None:
    """Django's LOGGING_CONFIG, called by gunicorn.py too. config: settings.LOGGING, {"level": of the server}; commands say warnings and worse only."""
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
