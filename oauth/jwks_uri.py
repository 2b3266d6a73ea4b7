"""The public keys that a client publishes at its jwks_uri (RFC 7591 §2, RFC 7517 §5), as this process last read them.

A copy is used for five minutes. An unknown kid causes another read, but at most every 30 seconds, because anybody can send one. While the URI fails, the
last valid copy is used for up to a day. A host that takes too long isn't contacted at all for a while, but then copies of other URIs there are only used for a
quarter of an hour: otherwise a slow URI would keep a removed key alive. The number of threads that wait for hosts is limited, so that other requests find free
threads, and the hosts of one workspace can't take all of these.
"""

import logging
from collections import Counter, OrderedDict
from datetime import datetime, timedelta
from threading import Lock
from time import monotonic
from typing import NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.asyncio import async_unsafe

from clients.public_key import ParsedPublicKey, fits, read_published_keys
from oauth import reasons
from oauth.errors import TemporarilyUnavailableError
from oauth.fetch import FetchError, OverdueError, fetch
from oauth.log_quota import LogQuota
from oauth.published_copies import Copy, PublishedCopies
from oauth.reasons import Reason
from oauth.registration import RegisteredClient

FRESH = timedelta(minutes=5)
BACK_OFF = timedelta(seconds=30)
# For a host that keeps failing, the pause doubles each time, so that many such hosts can't keep the waiting threads busy.
MAX_BACK_OFF = timedelta(minutes=5)
KEPT = timedelta(hours=24)
# A copy is used for this long if its URI can't be fetched because of its host, or because all places are taken.
SPARED = timedelta(minutes=15)
MAX_HOSTS = 1000
# At most this many of the endpoints' four threads may wait: in total, and for the clients of one workspace.
MAX_WAITING = 3
MAX_WAITING_OF_WORKSPACE = 2

_OVERDUE = reasons.JWKS_URI_UNAVAILABLE.say(problem="its host took too long just now, so TokenOS waits a while before it tries again")
_quota = LogQuota(seconds=60, lines=50, of_one=5)
_ACCEPT = "application/jwk-set+json, application/json"


logger = logging.getLogger("tokenos.oauth")


class Published(NamedTuple):
    """keys: the matching keys. problem: why the client's keys couldn't be read, None if they could."""

    keys: list[ParsedPublicKey]
    problem: Reason | None


_copies = PublishedCopies()
_lock = Lock()
# Per workspace, the hosts that took longer than the time limit: the number of times in a row, and the end of the pause for the workspace's URIs there. Other
# workspaces' URIs at the same host may work.
_overdue: OrderedDict[tuple[int, str], tuple[int, datetime]] = OrderedDict()
# The number of waiting threads, by the primary key of the workspace.
_waiting: Counter[int] = Counter()


def find_keys(client: RegisteredClient, *, kid: str, algorithm: str, now: datetime) -> Published:
    """The keys with that kid; without a kid, all keys that may sign with that algorithm. Raise TemporarilyUnavailableError if too many threads wait already."""
    copy = _copies.get(client.workspace_pk, client.jwks_uri)
    attempts = copy.attempts
    is_enough = copy.counts(now, FRESH) and _select(copy, kid, algorithm)
    # The last attempt succeeded, but too long ago.
    is_outlived = copy.read_at is not None and not _is_of_use(copy, now) and copy.problem is None
    if not is_enough and (copy.waits_until is None or now >= copy.waits_until) and (is_outlived or not _is_overdue(client, now)):
        _read(client, copy, attempts, is_needed=not (_is_of_use(copy, now) and _select(copy, kid, algorithm)), now=now)
    if _is_of_use(copy, now):
        return Published(_select(copy, kid, algorithm), None)
    return Published([], copy.problem or _OVERDUE)


def _is_of_use(copy: Copy, now: datetime) -> bool:
    return copy.counts(now, SPARED if copy.problem is None else KEPT)


def _is_overdue(client: RegisteredClient, now: datetime) -> bool:
    """Whether the URI's host isn't contacted for a while, for any of its URIs."""
    with _lock:
        known = _overdue.get((client.workspace_pk, urlsplit(client.jwks_uri).netloc))
    return known is not None and now < known[1]


def _note(client: RegisteredClient, *, is_overdue: bool, now: datetime) -> None:
    place = client.workspace_pk, urlsplit(client.jwks_uri).netloc
    with _lock:
        times, _ = _overdue.pop(place, (0, now))
        if is_overdue:
            _overdue[place] = times + 1, now + _back_off(times + 1)
            if len(_overdue) > MAX_HOSTS:
                _overdue.popitem(last=False)


def _back_off(failures: int) -> timedelta:
    """The pause after that many failures in a row."""
    return min(BACK_OFF * (1 << min(failures - 1, 10)), MAX_BACK_OFF)


def _select(copy: Copy, kid: str, algorithm: str) -> list[ParsedPublicKey]:
    return [key for key in copy.keys if (key.kid == kid if kid else fits(algorithm, key.algorithm))]


@async_unsafe("Reading a jwks_uri blocks: do it in a thread.")
def _read(client: RegisteredClient, copy: Copy, attempts: int, *, is_needed: bool, now: datetime) -> None:
    """Read the URI again, unless another thread does or did meanwhile. is_needed: whether to wait for that thread because there is no usable copy."""
    if not _take_place(client.workspace_pk):
        if not is_needed:
            return
        raise TemporarilyUnavailableError(reasons.JWKS_URI_BUSY.say())
    try:
        # The other thread finishes within its time limit.
        if copy.lock.acquire(blocking=is_needed):
            try:
                if copy.attempts == attempts:
                    _attempt(client, copy, now)
            finally:
                copy.lock.release()
    finally:
        _leave_place(client.workspace_pk)


def _take_place(workspace: int) -> bool:
    """Take a place for waiting. False if too many threads wait already."""
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


def _attempt(client: RegisteredClient, copy: Copy, now: datetime) -> None:
    # After a read that replaced a stale copy, a new kid may cause one more read at once. The next one has to wait.
    is_repeated = copy.counts(now, FRESH)
    is_overdue, problem = False, None
    try:
        keys = read_published_keys(fetch(client.jwks_uri, accept=_ACCEPT, allowed_hosts=settings.OUTBOUND_ALLOWED_HOSTS))
    except FetchError as error:
        is_overdue = isinstance(error, OverdueError)
        problem = reasons.JWKS_URI_UNAVAILABLE.say(problem=error)
        if error.cause:
            _log(client, error.cause)
    except ValidationError:
        problem = reasons.JWKS_URI_UNUSABLE.say()
    else:
        _copies.set_keys(client.workspace_pk, client.jwks_uri, copy, keys)
        copy.read_at = now
    _note(client, is_overdue=is_overdue, now=now)
    copy.problem = problem
    copy.failures = 0 if problem is None else copy.failures + 1
    copy.waits_until = now + _back_off(max(copy.failures, 1)) if problem is not None or is_repeated else None
    copy.attempts += 1


def _log(client: RegisteredClient, cause: str) -> None:
    left_out = _quota.spend(str(client.workspace_pk), monotonic())
    if left_out is not None:
        more = f" {left_out} more left out since the last line." if left_out else ""
        logger.info("A jwks_uri can't be fetched: %s.%s", cause, more, extra={"client_id": client.client_id})
