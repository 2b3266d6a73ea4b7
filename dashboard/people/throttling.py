"""Limits for people's passwords and codes: how many wrong ones are accepted, and how many are checked at once.

Failures are counted per account and address, and per address, in the database, so an attacker elsewhere can't lock a person out. A process hashes one password
at a time (dashboard.people.password_hasher); those who wait for it take a place here.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from threading import Lock

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from dashboard.models import User
from dashboard.people import known_devices
from dashboard.people.caller import connection_of
from dashboard.people.places import STRANGERS, Places
from dashboard.people.refusal import Refusal, too_many
from oauth.sender_network import widest_network_of
from oauth.throttling import FailureKeys, count, count_failure, failure_keys, find_full, has_reached

logger = logging.getLogger("tokenos.throttling")

# Argon2 takes 100 MB and a tenth of a second for each password, right or wrong, and anybody can send one. Each waiting request blocks one of Django's threads
# (dashboard/asgi.py), which health checks need too, so only a few may wait. A person with a link from an email isn't a stranger either.
MAX_AT_ONCE = 4
MAX_STRANGERS = 2
# The passwords of one person, per minute and process. Beyond that, the person only gets strangers' places, so that a few people can't take all.
MAX_A_MINUTE = 6
_MINUTE = 60
_places = Places(MAX_AT_ONCE, most_of_group=MAX_STRANGERS)
waiting = _places.held
_lock = Lock()
# By person, the times of their last passwords, by time.monotonic. The most recent person comes last.
looked_at: dict[str, list[float]] = {}
# Networks that have failed too often according to the database, oldest first, with the time at which they may try again. Until then, they are refused without a
# query.
MAX_FULL = 10_000
_full: dict[str, int] = {}
BUSY_SECONDS = 2
# The time at which a flood of passwords was last logged, and the seconds until it may be logged again.
_told_at = float("-inf")
_TELL_EVERY = 60


@contextmanager
def place(who: str, *, is_stranger: bool) -> Iterator[bool]:
    """A place in the queue for passwords, as in Places.take. Only hash passwords within it."""
    with _places.take(who, group=STRANGERS if is_stranger or _comes_often(who) else "") as is_free:
        if not is_free:
            _tell_of_flood()
        elif not is_stranger:
            _note(who)
        yield is_free


def _comes_often(person: str) -> bool:
    with _lock:
        times = looked_at.get(person, [])
    return len(times) == MAX_A_MINUTE and times[0] > time.monotonic() - _MINUTE


def _note(person: str) -> None:
    now = time.monotonic()
    with _lock:
        looked_at[person] = [*looked_at.pop(person, ()), now][-MAX_A_MINUTE:]
        while next(iter(looked_at.values()))[-1] < now - _MINUTE:
            del looked_at[next(iter(looked_at))]


def refuse_unseen(address: str, *, is_known: bool, takes_password: bool, now: datetime) -> Refusal | None:
    """The refusal that attempt would give for any form, as far as this process knows. It reads neither the form nor the database.

    is_known: whether the browser is known. A flood costs least here, before a form is parsed and a page is rendered.
    """
    keys = person_keys("", address)
    wait = max(_full.get(key, 0) for key in (keys.address, *keys.wider)) - int(now.timestamp())
    if wait > 0:
        return too_many(wait)
    if takes_password and not is_known and _places.has_all(STRANGERS):
        _tell_of_flood()
        return _busy()
    return None


def _remember_full(keys: FailureKeys, full: dict[str, int]) -> None:
    """Only networks are remembered, not the account, because that is in the form."""
    with _lock:
        for key, ends in full.items():
            if key != keys.client_and_address:
                while len(_full) >= MAX_FULL:
                    del _full[next(iter(_full))]
                _full[key] = ends


def _tell_of_flood() -> None:
    global _told_at
    with _lock:
        now = time.monotonic()
        is_due = now >= _told_at + _TELL_EVERY
        if is_due:
            _told_at = now
    if is_due:
        logger.warning("More passwords arrive than can be checked, so some users are asked to try again. This is logged at most once a minute.")


def person_keys(email: str, address: str) -> FailureKeys:
    """The keys are separate from clients': a person who mistypes must not stop the clients behind the same address."""
    keys = failure_keys(name=f"sign-in {email.strip().lower()}", address=address)
    return FailureKeys(keys.client_and_address, f"sign-in {keys.address}" if keys.address else "", tuple(f"sign-in {network}" for network in keys.wider))


@contextmanager
def attempt(request: HttpRequest, email: str, *, takes_password: bool = True, has_link: bool = False) -> Iterator[Refusal | None]:
    """Check a password or code within this context, unless it refuses. email: the account's, "" if unknown.

    takes_password: whether the check costs an argon2 hash, for which there is a queue. has_link: whether the caller has a link that was mailed to that address.
    """
    address, now = connection_of(request).remote_address, timezone.now()
    keys = person_keys(email, address)
    full = find_full(keys, now=now)
    if full:
        _remember_full(keys, full)
        yield too_many(max(full.values()) - int(now.timestamp()))
    elif not takes_password:
        yield None
    else:
        person = f"link of {email}" if has_link else known_person(request)
        with place(person or widest_network_of(address), is_stranger=not person) as is_free:
            yield None if is_free else _busy()


def known_person(request: HttpRequest) -> str:
    """The person who is signed in, or has signed in with this browser before; "" for a stranger."""
    account = request.user.pk or next(iter(known_devices.accounts_of(request)), "")
    return f"person {account}" if account else ""


def count_wrong(request: HttpRequest, email: str, *, now: datetime) -> None:
    """Count a password or code that was wrong."""
    count_failure(person_keys(email, connection_of(request).remote_address), now=now)


def has_guessed_too_often(user: User, *, now: datetime) -> bool:
    """Whether an account's one-time codes were guessed from many addresses. This needs the account's password, so strangers can't lock its owner out."""
    return has_reached(_code_key(user), settings.FAILURES_PER_CLIENT, now=now)


def count_wrong_code(user: User, *, now: datetime) -> None:
    count(_code_key(user), now=now)


def _busy() -> Refusal:
    return Refusal(503, BUSY_SECONDS, "Too many passwords are being checked. Try again in a few seconds.")


def _code_key(user: User) -> str:
    return f"sign-in code {user.pk}"
