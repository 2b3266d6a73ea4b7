"""Mail to people: text and HTML with the same words. It never contains a secret, or a link that signs in.

A page's mail is sent after its response: a slow mail server doesn't make the reader wait, and the response time doesn't reveal whether an email was sent.

A template templates/mail/<name>.txt has the subject in its first line and, after an empty line, the text; templates/mail/<name>.html is the formatted version.
Don't call anything here within a transaction.
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

# Seconds that a page waits for the mail server, for the whole exchange.
PATIENCE = 3.5
# The errors of Python and Django for an address that can't be written into a header, such as one with a domain too long for the DNS.
_UNWRITABLE = (ValueError, LookupError, MessageError)
# At most this many pages wait for it at once; the mail of other pages is sent in the background.
MAX_AT_ONCE = 4
_talking = ThreadPoolExecutor(max_workers=MAX_AT_ONCE, thread_name_prefix="mail of a page")
_places = BoundedSemaphore(MAX_AT_ONCE)
_failed_at: datetime | None = None


def goes_to_files() -> bool:
    """Whether mail is only written to files, because EMAIL_URL doesn't name a server."""
    return settings.EMAIL_BACKEND == "dashboard.instance.mail.files.Backend"


def send_or_write(name: str, to: Sequence[str], context: Mapping[str, Any]) -> tuple[bool, Path | None]:
    """Like send, but also returns the email's file on an instance without a mail server, which doesn't deliver mail."""
    connection = get_connection(timeout=PATIENCE)
    is_done = _deliver(_compose(name, to, context), name, connection)
    if not isinstance(connection, Backend):
        return is_done, None
    return False, next(iter(connection.written), None)


def send(name: str, to: Sequence[str], context: Mapping[str, Any]) -> bool:
    """Whether the server accepted the mail within PATIENCE, for callers that need to know. A failure is logged; the act that caused the mail stays."""
    message = _compose(name, to, context)
    taken: list[bool] = []
    _talk_within_patience(lambda: taken.append(_deliver(message, name, get_connection())))
    return taken == [True]


def _talk_within_patience(talk: Callable[[], object]) -> None:
    """Runs in a separate thread, which continues if it takes longer: only each step has a limit, and looking up the server's name has none."""

    def talk_and_leave() -> None:
        try:
            talk()
        finally:
            _places.release()

    if _places.acquire(blocking=False):
        wait([_talking.submit(talk_and_leave)], PATIENCE)


class Unsent(NamedTuple):
    """Addresses whose mail the server didn't accept. refused: because of the address or content; the others failed because of the server.

    files: the names of the emails' files, on an instance without a mail server.
    """

    addresses: list[str]
    refused: list[str]
    files: tuple[str, ...] = ()


def send_each(name: str, contexts: Mapping[str, Mapping[str, Any]], *, is_page: bool = False) -> Unsent:
    """Send one email to each address, with its own context, over one connection. is_page: whether mail that takes longer than PATIENCE is sent after the
    response.
    """
    waiting = deque((address, _compose(name, [address], context)) for address, context in contexts.items())
    connection = get_connection()
    failures: dict[str, Exception | None] = {}
    if is_page:
        _talk_within_patience(lambda: _send_all(waiting, name, connection, failures))
        # The other thread keeps the mail that it is sending.
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
    """Whether only this email failed: the server refuses its addresses or its content, for example a client's name that a spam filter knows."""
    return isinstance(failure, (SMTPRecipientsRefused, *_UNWRITABLE)) or (isinstance(failure, SMTPDataError) and failure.smtp_code >= 500)


def _take(waiting: deque[tuple[str, EmailMultiAlternatives]]) -> Iterator[tuple[str, EmailMultiAlternatives]]:
    """The waiting emails, except those that another thread takes meanwhile."""
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
    """Like send, without waiting for the mail server. False if too many emails already wait. True also if the email becomes a line in another one.

    by: the user who causes it, if it goes to others and one user could cause many. places: the group of places within its kind, if not all share one.
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
    logger.error("mail not sent: too many emails of this kind are already waiting", extra={"template": name})
    return False


def gather(name: str, to: str, context: Mapping[str, Any]) -> None:
    """Like send_later, but as a line in one email with others from the next minutes, for recipients who have had many emails within an hour."""
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
    """Render without HTML escaping."""
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
    """Wait for all mail from before this call."""
    for _ in range(MAX_AT_ONCE):
        _places.acquire()
    _places.release(MAX_AT_ONCE)
    queue.wait_until_sent()


def failed_at() -> datetime | None:
    """The time at which this process last failed to send an email."""
    return _failed_at


def _log(error: Exception, name: str) -> None:
    """Log the failure without a traceback, which would show the addresses."""
    global _failed_at
    _failed_at = datetime.now(UTC)
    logger.error("mail not sent: %s", type(error).__name__, extra={"template": name})
