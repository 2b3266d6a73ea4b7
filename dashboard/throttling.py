"""Passwords and codes of people: how many wrong ones are looked at, and how many at once.

Failures are counted per account and address, and per address, in the database: nobody can lock another person out from elsewhere. A process hashes one
password at a time (dashboard.people.password_hasher); those who wait for that have a place here.
"""

import hashlib
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from clients.models import Workspace
from dashboard.caller import connection_of
from dashboard.models import User
from dashboard.people import known_devices
from oauth.throttling import Count, FailureKeys, count, count_failure, failure_keys, find_full, has_reached, seconds_left, widest_network_of

logger = logging.getLogger("tokenos.throttling")

# Argon2 takes 100 MB and every core for each password, right or wrong, and anybody may send one. Whoever waits for his turn holds one of Django's
# threads (dashboard/asgi.py), of which health checks need some too, so few may. Strangers may hold only some of these places: the others are for people who are
# signed in, have signed in before with the same browser, or hold a link that was mailed to them.
MOST_AT_ONCE = 4
MOST_STRANGERS = 2
waiting: dict[str, bool] = {}
_waiting = Lock()
# Networks that the database said have failed too often, with the moment at which they may try again, the oldest first: as it stays true until then, they are
# refused without asking it.
MOST_FULL = 10_000
_full: dict[str, int] = {}
_told_at = float("-inf")
BUSY_SECONDS = 2
# Seconds between two lines in the log that say so.
_TELL_EVERY = 60
# To one address, within FAILURE_WINDOW.
MOST_RESET_MAILS = 5
# Of one person, within FAILURE_WINDOW: each may read 10 MB.
MOST_LOOK_UPS = 60
_HOUR = 3600
# Within an hour, of one person: things that look-ups found of which each is an event in the audit log. Of more there is one for each look-up.
MOST_FOUND = 1000
# Within an hour, by one person: of what changes as often as one likes, such as a name, and is an event each time.
MOST_CHANGES = 60
# Within an hour, of one account: each ends the reset links that are under way, of whoever has lost the account to somebody who knows its password.
MOST_PASSWORD_CHANGES = 5
# Within an hour, to one address that somebody has written down, for the mailbox may be a stranger's: by that person, and by all people together. Were there
# only the second number, anybody with an account could keep the others from mailing to an address.
MOST_MAILS_TO_ONE = 10
MOST_MAILS_TO_ONE_BY_ALL = 100
# The same of notices about what somebody does, and about what ends in one workspace. More, for the mailbox may be that of a team whose clients are many.
MOST_NOTICES_TO_ONE = 20
MOST_NOTICES_TO_ONE_BY_ALL = 200
# Tests of what a program sends, by one person within FAILURE_WINDOW.
MOST_TESTS = 60
# From one network, within FAILURE_WINDOW, of people who aren't signed in: each is a row that is kept for SESSION_COOKIE_AGE.
MOST_NEW_SESSIONS = 1000


@contextmanager
def place(who: str, *, is_stranger: bool) -> Iterator[bool]:
    """One's place in the line for passwords; False where there is none. who: a person, or a stranger's network; each has one place, so that a flood from one
    network leaves the others to everybody else. Within it nothing happens but that passwords are hashed."""
    with _waiting:
        is_free = who not in waiting and len(waiting) < MOST_AT_ONCE and not (is_stranger and _has_all_strangers())
        if is_free:
            waiting[who] = is_stranger
    if not is_free:
        _tell_of_flood()
        yield False
        return
    try:
        yield True
    finally:
        with _waiting:
            del waiting[who]


def _has_all_strangers() -> bool:
    return sum(waiting.values()) >= MOST_STRANGERS


def refuse_unseen(address: str, *, is_known: bool, takes_password: bool, now: datetime) -> "Refusal | None":
    """What attempt would refuse whatever is in the form, as far as this process knows, without a look at the form or the database.

    is_known: whether the browser is. A flood costs least here, before anything is parsed and a page is rendered.
    """
    keys = person_keys("", address)
    wait = max(_full.get(key, 0) for key in (keys.address, *keys.wider)) - int(now.timestamp())
    if wait > 0:
        return _too_many(wait)
    if takes_password and not is_known:
        with _waiting:
            is_free = not _has_all_strangers()
        if not is_free:
            _tell_of_flood()
            return _busy()
    return None


def _remember_full(keys: FailureKeys, full: dict[str, int]) -> None:
    """Not that of an account, which is in the form."""
    with _waiting:
        for key, ends in full.items():
            if key != keys.client_and_address:
                while len(_full) >= MOST_FULL:
                    del _full[next(iter(_full))]
                _full[key] = ends


def _tell_of_flood() -> None:
    global _told_at
    with _waiting:
        now = time.monotonic()
        is_due = now >= _told_at + _TELL_EVERY
        if is_due:
            _told_at = now
    if is_due:
        logger.warning("more passwords come in than can be checked; some are asked to come back. This is said once a minute at most")


def person_keys(email: str, address: str) -> FailureKeys:
    """Apart from those of clients: a person who mistypes mustn't stop the clients behind the same address."""
    keys = failure_keys(name=f"sign-in {email.strip().lower()}", address=address)
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
    address, now = connection_of(request).remote_address, timezone.now()
    keys = person_keys(email, address)
    full = find_full(keys, now=now)
    if full:
        _remember_full(keys, full)
        yield _too_many(max(full.values()) - int(now.timestamp()))
    elif not takes_password:
        yield None
    else:
        person = f"link of {email}" if has_link else known_person(request)
        with place(person or widest_network_of(address), is_stranger=not person) as is_free:
            yield None if is_free else _busy()


def known_person(request: HttpRequest) -> str:
    """Who is signed in, or has signed in before with this browser; "" for a stranger."""
    account = request.user.pk or next(iter(known_devices.accounts_of(request)), "")
    return f"person {account}" if account else ""


def count_wrong(request: HttpRequest, email: str, *, now: datetime) -> None:
    """Count one that was looked at and was wrong."""
    count_failure(person_keys(email, connection_of(request).remote_address), now=now)


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
    return _refuse(_look_up_key(str(user.pk)), MOST_LOOK_UPS, now=now)


def refuse_look_up_unseen(account: str, *, now: datetime) -> Refusal | None:
    """What refuse_look_up would refuse. It counts nothing, so that it may be asked before the text is here. account: a user's primary key."""
    wait = seconds_left([(_look_up_key(account), MOST_LOOK_UPS)], now=now)
    return _too_many(wait) if wait else None


def may_list_found(user: User, number: int, *, now: datetime) -> bool:
    """Whether the audit log names each thing that a look-up has found. Counts them as well."""
    return count(f"found by {user.pk}", now=now, window=_HOUR, failures=number).failures <= MOST_FOUND


def refuse_change(user: User, *, now: datetime) -> Refusal | None:
    """Counts one change of something of one's own that can be changed to and fro."""
    counted = count(f"changes of {user.pk}", now=now, window=_HOUR)
    return _refuse_beyond(counted, MOST_CHANGES + 1, now=now, what="Too many changes")


def refuse_password_change(user: User, *, now: datetime) -> Refusal | None:
    """Counts one change by somebody who is signed in. A link of a mail sets another password all the same."""
    counted = count(f"password changes of {user.pk}", now=now, window=_HOUR)
    return _refuse_beyond(counted, MOST_PASSWORD_CHANGES + 1, now=now, what="Too many changes of the password")


def refuse_mail_to(email: str, *, by: User, now: datetime) -> Refusal | None:
    """Counts one mail to an address that somebody has written down."""
    return _refuse_mail(_limits_of_mail("mail", email, by, most=MOST_MAILS_TO_ONE, most_by_all=MOST_MAILS_TO_ONE_BY_ALL), now=now)


def may_notify(email: str, *, by: User | Workspace, now: datetime) -> bool:
    """Whether a stranger's address may have one more mail about what somebody did, or about what ends in a workspace. Counts it."""
    return _refuse_mail(_limits_of_notices(email, by), now=now) is None


def would_notify(email: str, *, by: User | Workspace, now: datetime) -> bool:
    """What may_notify would say. Counts nothing."""
    return not seconds_left(_limits_of_notices(email, by), now=now)


def _limits_of_notices(email: str, by: User | Workspace) -> list[tuple[str, int]]:
    return _limits_of_mail("notice", email, by, most=MOST_NOTICES_TO_ONE, most_by_all=MOST_NOTICES_TO_ONE_BY_ALL)


def _limits_of_mail(kind: str, email: str, by: User | Workspace, *, most: int, most_by_all: int) -> list[tuple[str, int]]:
    address = email.strip().lower()
    return [(f"{kind} by {_digest(f'{by._meta.model_name} {by.pk} {address}')}", most), (f"{kind} {_digest(address)}", most_by_all)]


def _refuse_mail(limits: list[tuple[str, int]], *, now: datetime) -> Refusal | None:
    """What the own number of who causes it refuses takes nothing of the number of all."""
    for key, most in limits:
        if refusal := _refuse_beyond(count(key, now=now, window=_HOUR), most + 1, now=now, what="Too many mails to that address"):
            return refusal
    return None


def may_tell(user: User, found: Sequence[str], *, now: datetime) -> bool:
    """Whether any of these was not told that person within an hour, whoever asked for it. Counts them as told. found: what a leak's findings are named by."""
    told = [count(f"told {_digest(f'{user.pk} {one}')}", now=now, window=_HOUR) for one in sorted(found)]
    return any(counted.failures == 1 for counted in told)


def _refuse(key: str, most: int, *, now: datetime) -> Refusal | None:
    return _refuse_beyond(count(key, now=now), most + 1, now=now)


def _refuse_beyond(counted: Count, full: int, *, now: datetime, what: str = "Too many tries") -> Refusal | None:
    """full: the first number that is refused."""
    return _too_many(max(1, counted.window_ends - int(now.timestamp())), what) if counted.failures >= full else None


def _busy() -> Refusal:
    return Refusal(503, BUSY_SECONDS, "Too many passwords are being checked at this moment. Try again in a few seconds.")


def _too_many(seconds: int, what: str = "Too many tries") -> Refusal:
    wait = f"{seconds} s" if seconds < 100 else f"{-(-seconds // 60)} min"
    return Refusal(429, seconds, f"{what}. Wait {wait} and try again.")


def may_mail_reset_link(email: str, *, now: datetime) -> bool:
    """Counts the mail as well. From however many addresses somebody orders them, an account gets few at a time, and those that it got work still."""
    return count(f"reset {_digest(email)}", now=now).failures <= MOST_RESET_MAILS


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=24).hexdigest()


def _look_up_key(account: str) -> str:
    return f"leak {account}"


def _code_key(user: User) -> str:
    return f"sign-in code {user.pk}"
