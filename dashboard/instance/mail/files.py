"""Mail of an instance without a mail server: each email is a file that only the operator can read. Mail isn't logged, because some readers of a log must not
have a link that sets a password.
"""

import logging
import secrets
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.message import Message
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend
from django.utils.crypto import salted_hmac

from dashboard.instance.files import write_private

# No link in an email is valid for longer.
KEPT = timedelta(days=7)
# Notices and emails with a link are counted separately; the latter are useful until the link expires.
MAX_KEPT = 1000
MAX_LINKS = 5000
# The maximum of each of the two kinds.
MAX_TO_ONE = 50
# The header that names an email's template in templates/mail.
KIND = "X-TokenOS-Mail"
# Emails that are useless without their link.
ONLY_LINKS = frozenset({"account_reset", "account_email_change", "invitation", "hand_over"})

logger = logging.getLogger("tokenos.mail")


class _Mail(Protocol):
    def message(self) -> Message: ...


def _folder() -> Path:
    return settings.DATA_DIR / "mail"


class Backend(BaseEmailBackend):
    """Django's EMAIL_BACKEND until EMAIL_URL names a server. written: the files, in the order of the emails."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.written: list[Path] = []

    def send_messages(self, email_messages: Sequence[_Mail]) -> int:
        """Raise OSError."""
        _folder().mkdir(mode=0o700, exist_ok=True)
        _folder().chmod(0o700)
        for message in email_messages:
            now = datetime.now(UTC)
            content = message.message()
            file = _folder() / _name(content, now)
            write_private(file, content.as_bytes())
            self.written.append(file)
            _remove_old(now)
            # The line has no recipient and subject, because these are in the file.
            logger.info("There is no mail server, so this email was written to a file: %s", file)
        return len(email_messages)


def _name(message: Message, now: datetime) -> str:
    """The file's name: time, recipient, and whether it has a link. The log contains it, so the recipient is a digest that others can't compute."""
    to = salted_hmac("dashboard.instance.mail.files", str(message["To"]).lower(), algorithm="sha256").hexdigest()[:12]
    kind = "link" if message[KIND] in ONLY_LINKS else "notice"
    return f"{now:%Y-%m-%d-%H%M%S-%f}-{to}-{kind}-{secrets.token_hex(4)}.eml"


def _remove_old(now: datetime) -> None:
    """Remove expired emails; if there are too many, remove those of the person with the most, so that one person's mail can't displace another's."""
    names = sorted(file.name for file in _folder().glob("*.eml"))
    gone, kept = [name for name in names if name < f"{now - KEPT:%Y-%m-%d-%H%M%S}"], defaultdict[str, dict[str, list[str]]](dict)
    for name in names[len(gone) :]:
        _, *named = name.removesuffix(".eml").split("-")[4:]
        # Names from older versions have no digest; each counts as a different person's.
        to, kind = (named[0], named[1]) if len(named) == 3 else (name, "notice")
        kept[kind].setdefault(to, []).append(name)
    for kind, most in (("link", MAX_LINKS), ("notice", MAX_KEPT)):
        gone += _find_too_many(list(kept[kind].values()), most)
    for name in gone:
        # Another process may remove the same files.
        with suppress(FileNotFoundError):
            (_folder() / name).unlink()


def _find_too_many(by_person: list[list[str]], most: int) -> list[str]:
    """The files to remove. by_person: each person's file names, oldest first."""
    gone = [name for names in by_person for name in names[:-MAX_TO_ONE]]
    by_person = [names[-MAX_TO_ONE:] for names in by_person]
    too_many = sum(map(len, by_person)) - most
    return gone + [min(filter(None, by_person), key=lambda names: (-len(names), names[0])).pop(0) for _ in range(too_many)]
