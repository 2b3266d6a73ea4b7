"""Whether the mail server can be reached: each process checks at most once a minute, in a separate thread, so a hanging server doesn't make pages wait."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from smtplib import SMTPException
from threading import Lock, Thread

from django.core.mail import get_connection

from dashboard.instance import mail

EVERY = timedelta(minutes=1)
# Seconds that a page waits for the first answer, and that a mail server has for each step.
PATIENCE = 1.0
TIMEOUT = 3

_lock = Lock()
_asking: Thread | None = None
_last: "Checked | None" = None


@dataclass(frozen=True, slots=True)
class Checked:
    """at: the time of the check. failed_at: when this process last failed to send an email, None for never."""

    at: datetime
    is_reachable: bool
    failed_at: datetime | None


def look(now: datetime) -> Checked | None:
    """The last result; None if there is none yet."""
    global _asking
    with _lock:
        if (_last is None or now - _last.at >= EVERY) and (_asking is None or not _asking.is_alive()):
            _asking = Thread(target=_ask, name="mail-check", daemon=True)
            _asking.start()
        asking, is_known = _asking, _last is not None
    if asking is not None and not is_known:
        asking.join(PATIENCE)
    return _last


def _ask() -> None:
    global _last
    try:
        connection = get_connection(timeout=TIMEOUT)
        connection.open()
        connection.close()
        is_reachable = True
    except (OSError, SMTPException):
        is_reachable = False
    _last = Checked(datetime.now(UTC), is_reachable, mail.failed_at())
