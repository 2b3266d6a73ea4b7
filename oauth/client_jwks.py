"""The public keys that a client publishes at its jwks_uri (RFC 7591 §2, RFC 7517 §5), as this process last read them.

A copy counts for five minutes. An unknown kid has it read once more, at most every 30 seconds, for everybody may send one. While the host fails, the last good
copy goes on counting for a day. Only so many threads wait for a host that others stay free for who needs none, and those for the hosts of one workspace leave a
place to the others.
"""

from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.asyncio import async_unsafe

from clients.public_key import ParsedPublicKey, fits, read_published_keys
from oauth.errors import Reason, TemporarilyUnavailableError
from oauth.fetch import FetchError, fetch
from oauth.registration import RegisteredClient

FRESH = timedelta(minutes=5)
BACK_OFF = timedelta(seconds=30)
# For a host that goes on failing, twice as long each time: many of them must not keep those busy who wait.
MAX_BACK_OFF = timedelta(minutes=5)
KEPT = timedelta(hours=24)
MAX_URIS = 1000
# Of the four threads that run the endpoints: in all, and for the clients of one workspace.
MAX_WAITING = 3
MAX_WAITING_OF_WORKSPACE = 2

_ACCEPT = "application/jwk-set+json, application/json"


class Published(NamedTuple):
    """keys: that fit. problem: why the client's keys couldn't be read, None where they could."""

    keys: list[ParsedPublicKey]
    problem: Reason | None


@dataclass(slots=True)
class _Copy:
    """What is known of one URI. keys: of the last good copy, read at read_at. problem: of the last attempt. attempts: how many there were;
    failures: how many of them in a row were in vain.

    waits_until: before then it isn't read again.
    """

    keys: list[ParsedPublicKey] = field(default_factory=list)
    read_at: datetime | None = None
    waits_until: datetime | None = None
    problem: Reason | None = None
    attempts: int = 0
    failures: int = 0
    lock: Lock = field(default_factory=Lock)

    def counts(self, now: datetime, for_how_long: timedelta) -> bool:
        return self.read_at is not None and now < self.read_at + for_how_long


_copies: OrderedDict[str, _Copy] = OrderedDict()
_lock = Lock()
# Threads that wait, by the primary key of the workspace.
_waiting: Counter[int] = Counter()


def find_keys(client: RegisteredClient, *, kid: str, algorithm: str, now: datetime) -> Published:
    """Those with that kid; without one, all that may sign with that algorithm. Raise TemporarilyUnavailableError where too many threads wait already."""
    copy = _copy_of(client.jwks_uri)
    attempts = copy.attempts
    if not (copy.counts(now, FRESH) and _select(copy, kid, algorithm)) and (copy.waits_until is None or now >= copy.waits_until):
        _read(client, copy, attempts, is_needed=not (copy.counts(now, KEPT) and _select(copy, kid, algorithm)), now=now)
    if copy.counts(now, KEPT):
        return Published(_select(copy, kid, algorithm), None)
    return Published([], copy.problem)


def _copy_of(uri: str) -> _Copy:
    with _lock:
        copy = _copies.setdefault(uri, _Copy())
        _copies.move_to_end(uri)
        if len(_copies) > MAX_URIS:
            _copies.popitem(last=False)
    return copy


def _select(copy: _Copy, kid: str, algorithm: str) -> list[ParsedPublicKey]:
    return [key for key in copy.keys if (key.kid == kid if kid else fits(algorithm, key.algorithm))]


@async_unsafe("What is at a jwks_uri is waited for: read it in a thread.")
def _read(client: RegisteredClient, copy: _Copy, attempts: int, *, is_needed: bool, now: datetime) -> None:
    """Read the URI anew, unless another thread does or did meanwhile. is_needed: whether to wait for that one, as there is nothing to go on with."""
    if not _take_place(client.workspace_pk):
        if not is_needed:
            return
        raise TemporarilyUnavailableError(Reason("jwks_uri_busy", "Too many clients' keys are being fetched from their jwks_uri at once."))
    try:
        # The other thread is done within its time limit.
        if copy.lock.acquire(blocking=is_needed):
            try:
                if copy.attempts == attempts:
                    _attempt(client.jwks_uri, copy, now)
            finally:
                copy.lock.release()
    finally:
        _leave_place(client.workspace_pk)


def _take_place(workspace: int) -> bool:
    """False where too many wait already."""
    with _lock:
        if _waiting.total() >= MAX_WAITING or _waiting[workspace] >= MAX_WAITING_OF_WORKSPACE:
            return False
        _waiting[workspace] += 1
    return True


def _leave_place(workspace: int) -> None:
    with _lock:
        _waiting[workspace] -= 1
        if not _waiting[workspace]:
            del _waiting[workspace]


def _attempt(uri: str, copy: _Copy, now: datetime) -> None:
    # One that replaces a stale copy may be followed at once by one for a new kid, and that by none for a while.
    is_repeated = copy.counts(now, FRESH)
    problem: Reason | None = None
    try:
        copy.keys = read_published_keys(fetch(uri, accept=_ACCEPT, allowed_hosts=settings.OUTBOUND_ALLOWED_HOSTS))
    except FetchError as error:
        problem = Reason("jwks_uri_unavailable", f"The client's public keys couldn't be fetched from its jwks_uri: {error}.")
    except ValidationError:
        problem = Reason("jwks_uri_unusable", "What is at the client's jwks_uri isn't a JWK Set.")
    else:
        copy.read_at = now
    copy.problem = problem
    copy.failures = 0 if problem is None else copy.failures + 1
    copy.waits_until = now + min(BACK_OFF * 2 ** max(copy.failures - 1, 0), MAX_BACK_OFF) if problem is not None or is_repeated else None
    copy.attempts += 1
