"""Mail of an instance without a mail server: each a file that only the operator can read. Many read a log who must not have a link that sets a password."""

import logging
import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.message import Message
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend

from dashboard.files import write_private

# No link that goes by mail lasts longer.
KEPT = timedelta(days=7)
MOST_KEPT = 1000

logger = logging.getLogger("tokenos.mail")


class _Mail(Protocol):
    def message(self) -> Message: ...


def _folder() -> Path:
    return settings.DATA_DIR / "mail"


class Backend(BaseEmailBackend):
    """Django's EMAIL_BACKEND until EMAIL_URL names a server. written: the files, in order."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.written: list[Path] = []

    def send_messages(self, email_messages: Sequence[_Mail]) -> int:
        """Raise OSError."""
        _folder().mkdir(mode=0o700, exist_ok=True)
        _folder().chmod(0o700)
        for message in email_messages:
            now = datetime.now(UTC)
            file = _folder() / f"{now:%Y-%m-%d-%H%M%S-%f}-{secrets.token_hex(4)}.eml"
            write_private(file, message.message().as_bytes())
            self.written.append(file)
            _remove_old(now)
            # Neither to whom nor about what: that is in the file.
            logger.info("There is no mail server, so this mail is a file: %s", file)
        return len(email_messages)


def _remove_old(now: datetime) -> None:
    """By name, which begins with the time."""
    names = sorted(file.name for file in _folder().glob("*.eml"))
    first = f"{now - KEPT:%Y-%m-%d-%H%M%S}"
    for name in [*names[:-MOST_KEPT], *(name for name in names[-MOST_KEPT:] if name < first)]:
        # Another process removes the same ones.
        with suppress(FileNotFoundError):
            (_folder() / name).unlink()
