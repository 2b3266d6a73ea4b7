"""Mail to people: text and HTML of the same words. Never a secret, and never a link that signs in.

What a page causes is sent behind it: a mail server that is slow or down keeps nobody waiting, and the time of an answer tells nobody whether a mail was sent.

A template templates/mail/<name>.txt holds the subject in its first line and, after an empty one, the text; templates/mail/<name>.html the same for eyes.
Nothing here is to be called within a transaction.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import UTC, datetime
from email.errors import MessageError
from pathlib import Path
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused
from threading import BoundedSemaphore
from typing import Any, NamedTuple, cast

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.template import Context, engines
from django.template.backends.django import Template
from django.template.loader import render_to_string

from dashboard.instance.addresses import page_url
from dashboard.instance.mail import queue
from dashboard.instance.mail.files import KIND, ONLY_LINKS, Backend
from dashboard.instance.mail.queue import Place
from dashboard.models import User

logger = logging.getLogger("tokenos.mail")

# Seconds that a page waits for the mail server, over all that the two say to each other.
PATIENCE = 3.5
# What Python and Django raise for an address that they can't write into a header, such as one whose domain is too long for the DNS.
_UNWRITABLE = (ValueError, LookupError, MessageError)
# So many pages wait for it at once; what others send goes behind them.
MOST_AT_ONCE = 4
_talking = ThreadPoolExecutor(max_workers=MOST_AT_ONCE, thread_name_prefix="mail of a page")
_places = BoundedSemaphore(MOST_AT_ONCE)
_failed_at: datetime | None = None


def goes_to_files() -> bool:
    """Whether mail is only written into files, as it is until EMAIL_URL names a server."""
    return settings.EMAIL_BACKEND == "dashboard.instance.mail.files.Backend"


def send_or_write(name: str, to: Sequence[str], context: Mapping[str, Any]) -> tuple[bool, Path | None]:
    """As send; and the file that it is instead, on an instance without a mail server: then nobody got it."""
    connection = get_connection(timeout=PATIENCE)
    is_done = _deliver(_compose(name, to, context), name, connection)
    if not isinstance(connection, Backend):
        return is_done, None
    return False, next(iter(connection.written), None)


def send(name: str, to: Sequence[str], context: Mapping[str, Any]) -> bool:
    """Whether the server took it within PATIENCE, for who waits to hear that. What can't be sent is logged: an act isn't undone because its mail failed."""
    message = _compose(name, to, context)
    taken: list[bool] = []
    _talk_within_patience(lambda: taken.append(_deliver(message, name, get_connection())))
    return taken == [True]


def _talk_within_patience(talk: Callable[[], object]) -> None:
    """In a thread of its own, which goes on where that takes longer: each step has its own limit, and neither has the look-up of the server's name one."""

    def talk_and_leave() -> None:
        try:
            talk()
        finally:
            _places.release()

    if _places.acquire(blocking=False):
        wait([_talking.submit(talk_and_leave)], PATIENCE)


class Unsent(NamedTuple):
    """Addresses whose mail the server didn't take. refused: for what the addresses are; of the others it took none at that moment.

    files: the names of those that the mails are, on an instance without a mail server.
    """

    addresses: list[str]
    refused: list[str]
    files: tuple[str, ...] = ()


def send_each(name: str, contexts: Mapping[str, Mapping[str, Any]], *, is_page: bool = False) -> Unsent:
    """One mail to each address, with a context of its own, over one connection. is_page: then what isn't sent within PATIENCE goes behind it."""
    waiting = deque((address, _compose(name, [address], context)) for address, context in contexts.items())
    connection = get_connection()
    failures: dict[str, Exception | None] = {}
    if is_page:
        _talk_within_patience(lambda: _send_all(waiting, name, connection, failures))
        # The one that the server is about to take stays with the other thread.
        for address, message in _take(waiting):
            if not _queue(message, name):
                failures[address] = SMTPException()
    else:
        _send_all(waiting, name, connection, failures)
    failed = {address: failure for address, failure in list(failures.items()) if failure}
    refused = [address for address, failure in failed.items() if _is_refusal(failure)]
    files = tuple(file.name for file in connection.written) if isinstance(connection, Backend) else ()
    return Unsent([address for address in contexts if address in failed], refused, files)


def _is_refusal(failure: Exception) -> bool:
    """Whether the server would take another mail: it refuses this one's addresses, or what is in it, such as a client's name that a spam filter knows."""
    return isinstance(failure, (SMTPRecipientsRefused, *_UNWRITABLE)) or (isinstance(failure, SMTPDataError) and failure.smtp_code >= 500)


def _take(waiting: deque[tuple[str, EmailMultiAlternatives]]) -> Iterator[tuple[str, EmailMultiAlternatives]]:
    """Those that no other thread takes meanwhile."""
    with suppress(IndexError):
        while True:
            yield waiting.popleft()


def _send_all(waiting: deque[tuple[str, EmailMultiAlternatives]], name: str, connection: Any, failures: dict[str, Exception | None]) -> None:
    try:
        connection.open()
    except (OSError, SMTPException) as error:
        _log(error, name)
        failures.update((address, error) for address, _ in _take(waiting))
        return
    try:
        for address, message in _take(waiting):
            failures[address] = _find_failure(message, name, connection)
    finally:
        connection.close()


def send_later(name: str, to: Sequence[str], context: Mapping[str, Any], *, by: User | None = None, places: str = "") -> bool:
    """As send, without waiting for the mail server. False where too much waits for it already; True also where it will be one line of another mail.

    by: who causes it, if it goes to others and they may cause much. places: whose places of its kind it takes, where not all such mails have the same.
    """
    return _queue(_compose(name, to, context), name, by=by, places=places)


def _queue(message: EmailMultiAlternatives, name: str, *, by: User | None = None, places: str = "") -> bool:
    address, kind = ", ".join(message.to), f"{name} {places}".strip()
    place = queue.add(kind, address, lambda: _deliver(message, name), by="" if by is None else str(by.pk))
    if place is Place.TAKEN or not message.to:
        return True
    if place is Place.TOO_MANY_TO_ONE and name not in ONLY_LINKS:
        queue.add_more(kind, address, str(message.subject), lambda lines: _send_more(message.to, lines))
        return True
    logger.error("mail not sent: too many of its kind wait for the mail server already", extra={"template": name})
    return False


def gather(name: str, to: str, context: Mapping[str, Any]) -> None:
    """As send_later, as a line of one mail with what else comes within some minutes, for who has had many mails within an hour."""
    queue.gather(to, str(_compose(name, [to], context).subject), lambda lines: _send_more([to], lines))


def _send_more(to: Sequence[str], lines: Sequence[str]) -> None:
    listed = [line for line in lines if line]
    name = "more_notices"
    _deliver(_compose(name, to, {"count": len(lines), "listed": listed, "left": len(lines) - len(listed)}), name)


def _compose(name: str, to: Sequence[str], context: Mapping[str, Any]) -> EmailMultiAlternatives:
    values = {"issuer": page_url("/").removesuffix("/"), **context}
    subject, _, text = _render_text(name, values).strip().partition("\n")
    message = EmailMultiAlternatives(" ".join(subject.split()), f"{text.strip()}\n", to=list(to), headers={KIND: name})
    message.attach_alternative(render_to_string(f"mail/{name}.html", {**values, "subject": subject}), "text/html")
    return message


def _render_text(name: str, values: Mapping[str, Any]) -> str:
    """Without the escaping that HTML needs."""
    template = cast(Template, engines["django"].get_template(f"mail/{name}.txt"))
    return cast(str, template.template.render(Context(dict(values), autoescape=False)))


def _deliver(message: EmailMultiAlternatives, name: str, connection: Any = None) -> bool:
    return _find_failure(message, name, connection) is None


def _find_failure(message: EmailMultiAlternatives, name: str, connection: Any) -> Exception | None:
    message.connection = connection
    try:
        message.send()
    except (OSError, SMTPException, *_UNWRITABLE) as error:
        _log(error, name)
        return error
    return None


def wait_until_sent() -> None:
    """What was to be sent before this call."""
    for _ in range(MOST_AT_ONCE):
        _places.acquire()
    _places.release(MOST_AT_ONCE)
    queue.wait_until_sent()


def failed_at() -> datetime | None:
    """When this process couldn't send a mail the last time."""
    return _failed_at


def _log(error: Exception, name: str) -> None:
    """Without a traceback, which would show the addresses."""
    global _failed_at
    _failed_at = datetime.now(UTC)
    logger.error("mail not sent: %s", type(error).__name__, extra={"template": name})
