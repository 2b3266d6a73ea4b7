"""Passwords and codes of people: how many wrong ones are looked at, and how many at once.

Failures are counted per account and address, and per address, in the database: nobody can lock another person out from elsewhere. A process checks one
password at a time.
"""

import hashlib
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from dashboard.caller import connection_of
from dashboard.models import User
from dashboard.people import known_devices
from oauth.throttling import FailureKeys, count, count_failure, failure_keys, has_reached, seconds_to_wait_to_fail, widest_network_of

logger = logging.getLogger("tokenos.throttling")

# Argon2 takes 100 MB and every core for each password, right or wrong, and anybody may send one. Whoever waits for his turn holds one of Django's
# threads (dashboard/asgi.py), of which health checks need some too, so few may. Strangers may hold only some of these places: the others are for people who are
# signed in, have signed in before with the same browser, or hold a link that was mailed to them.
MOST_AT_ONCE = 4
MOST_STRANGERS = 2
waiting: dict[str, bool] = {}
_waiting = Lock()
_turn = Lock()
_told_at = float("-inf")
BUSY_SECONDS = 2
# Seconds between two lines in the log that say so.
_TELL_EVERY = 60
# To one address, within FAILURE_WINDOW.
MOST_RESET_MAILS = 5
# Of one person, within FAILURE_WINDOW: each may read 10 MB.
MOST_LOOK_UPS = 60
# Tests of what a program sends, by one person within FAILURE_WINDOW.
MOST_TESTS = 60
# From one network, within FAILURE_WINDOW, of people who aren't signed in: each is a row that is kept for SESSION_COOKIE_AGE.
MOST_NEW_SESSIONS = 1000


@contextmanager
def place(who: str, *, is_stranger: bool) -> Iterator[bool]:
    """Wait for one's turn; False where that isn't possible. who: a person, or a stranger's network; each has one place, so that a flood from one network leaves
    the others to everybody else."""
    with _waiting:
        is_free = who not in waiting and len(waiting) < MOST_AT_ONCE and not (is_stranger and sum(waiting.values()) >= MOST_STRANGERS)
        if is_free:
            waiting[who] = is_stranger
    if not is_free:
        _tell_of_flood()
        yield False
        return
    try:
        with _turn:
            yield True
    finally:
        with _waiting:
            del waiting[who]


def _tell_of_flood() -> None:
    global _told_at
    with _waiting:
        now = time.monotonic()
        is_due = now >= _told_at + _TELL_EVERY
        if is_due:
            _told_at = now
    if is_due:
        logger.warning("more passwords come in than can be checked; some are asked to come back. This is said once a minute at most")


def person_keys(email: str, request: HttpRequest) -> FailureKeys:
    """Apart from those of clients: a person who mistypes mustn't stop the clients behind the same address."""
    keys = failure_keys(name=f"sign-in {email.strip().lower()}", address=connection_of(request).remote_address)
    return FailureKeys(keys.client_and_address, f"sign-in {keys.address}" if keys.address else "", tuple(f"sign-in {network}" for network in keys.wider))


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing was looked at. seconds: after which to try again."""

    status: int
    seconds: int
    text: str

    def apply_to(self, response: HttpResponse) -> HttpResponse:
        response.status_code = self.status
        response["Retry-After"] = str(self.seconds)
        if self.status >= 500:
            # Django would log each as an error of ours, and whoever sends a flood would fill the disk.
            response._has_been_logged = True  # type: ignore[attr-defined]  # django.utils.log.log_response asks for it
        return response


@contextmanager
def attempt(request: HttpRequest, email: str, *, takes_password: bool = True, has_link: bool = False) -> Iterator[Refusal | None]:
    """Within it a password or code is looked at, unless it is refused. email: of the account that it is for, "" where that isn't known.

    takes_password: whether that costs an argon2 hash, for which one waits in line. has_link: whether the caller holds a link that was mailed to that address.
    """
    keys, now = person_keys(email, request), timezone.now()
    wait = seconds_to_wait_to_fail(keys, now=now)
    if wait:
        yield _too_many(wait)
    elif not takes_password:
        yield None
    else:
        person = f"link of {email}" if has_link else known_person(request)
        with place(person or widest_network_of(connection_of(request).remote_address), is_stranger=not person) as is_free:
            yield None if is_free else Refusal(503, BUSY_SECONDS, "Too many passwords are being checked at this moment. Try again in a few seconds.")


def known_person(request: HttpRequest) -> str:
    """Who is signed in, or has signed in before with this browser; "" for a stranger."""
    account = request.user.pk or next(iter(known_devices.accounts_of(request)), "")
    return f"person {account}" if account else ""


def count_wrong(request: HttpRequest, email: str, *, now: datetime) -> None:
    """Count one that was looked at and was wrong."""
    count_failure(person_keys(email, request), now=now)


def has_guessed_too_often(user: User, *, now: datetime) -> bool:
    """Whether codes of one account were guessed from many addresses. Only whoever has its password gets that far, so no stranger locks anybody out by it."""
    return has_reached(_code_key(user), settings.FAILURES_PER_CLIENT, now=now)


def count_wrong_code(user: User, *, now: datetime) -> None:
    count(_code_key(user), now=now)


def refuse_new_session(request: HttpRequest) -> Refusal | None:
    """For what is kept in the session of somebody who needn't be anybody. A browser that has a session already makes no further row."""
    network, now = widest_network_of(connection_of(request).remote_address), timezone.now()
    if request.session.session_key or not network:
        return None
    return _refuse(f"session {network}", MOST_NEW_SESSIONS, now=now)


def refuse_test(user: User, *, now: datetime) -> Refusal | None:
    """Counts one test of a credential. Whoever tries secrets out finds nothing more here than at the token endpoint, and no faster."""
    return _refuse(f"test of {user.pk}", MOST_TESTS, now=now)


def refuse_look_up(user: User, *, now: datetime) -> Refusal | None:
    """For leak response. Counts one look-up, or one mail about what it found."""
    return _refuse(f"leak {user.pk}", MOST_LOOK_UPS, now=now)


def _refuse(key: str, most: int, *, now: datetime) -> Refusal | None:
    counted = count(key, now=now)
    return _too_many(max(1, counted.window_ends - int(now.timestamp()))) if counted.failures > most else None


def _too_many(seconds: int) -> Refusal:
    wait = f"{seconds} s" if seconds < 100 else f"{-(-seconds // 60)} min"
    return Refusal(429, seconds, f"Too many tries. Wait {wait} and try again.")


def may_mail_reset_link(email: str, *, now: datetime) -> bool:
    """Counts the mail as well. From however many addresses somebody orders them, an account gets few at a time, and those that it got work still."""
    digest = hashlib.blake2b(email.encode("utf-8", "surrogatepass"), digest_size=24).hexdigest()
    return count(f"reset {digest}", now=now).failures <= MOST_RESET_MAILS


def _code_key(user: User) -> str:
    return f"sign-in code {user.pk}"
