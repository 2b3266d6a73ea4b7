"""Counts failed authentications in the database, over all workers and nodes.

A window begins with its first failure and lasts FAILURE_WINDOW seconds. Once a key has reached its limit, every attempt under it is refused without being
counted. Successes cost nothing here: whether a key is blocked is read together with the client (oauth.lookup).

An IPv6 network has more addresses than can be counted one by one, and each failure is a write. So failures also count for wider networks: beyond a network's
limit, a failure is refused without a write. A valid credential is never refused because of a network's limit.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import Max, Q

from oauth.errors import TooManyFailuresError
from oauth.messages import Request
from oauth.models import FailureCount
from oauth.registration import Registration
from oauth.sender_network import network_of, wider_networks_of

_TABLE = FailureCount._meta.db_table
_COUNT = f"""INSERT INTO {_TABLE} (key, failures, window_ends) VALUES (%s, %s, %s)
    ON CONFLICT (key) DO UPDATE SET
        failures = CASE WHEN {_TABLE}.window_ends <= %s THEN excluded.failures ELSE {_TABLE}.failures + excluded.failures END,
        window_ends = CASE WHEN {_TABLE}.window_ends <= %s THEN excluded.window_ends ELSE {_TABLE}.window_ends END
    RETURNING failures, window_ends"""  # noqa: S608  # only names of our own are put in

# The limit of each wider network, as a multiple of FAILURES_PER_ADDRESS. The widest comes first, so that two workers lock the rows in the same order.
_TIMES = (16, 4)


@dataclass(frozen=True, slots=True)
class FailureKeys:
    """A key is "" if it isn't counted: for an unknown address, or for attempts that name no client. wider: for the wider networks, empty for IPv4."""

    client_and_address: str
    address: str
    wider: tuple[str, ...] = ()


# For look-ups that don't check limits.
NOT_COUNTED = FailureKeys("", "")


class Count(NamedTuple):
    failures: int
    window_ends: int


def failure_keys(*, name: str, address: str) -> FailureKeys:
    """name: the client ID in the request, "" for none. address: as the connection or a trusted proxy shows it, "" if unknown."""
    if not address:
        return FailureKeys("", "")
    network, wider = network_of(address), wider_networks_of(address)
    if not name:
        return FailureKeys("", network, wider)
    return FailureKeys(hashlib.blake2b(f"{network} {name}".encode("utf-8", "surrogatepass"), digest_size=24).hexdigest(), network, wider)


def count(key: str, *, now: datetime, window: int = 0, failures: int = 1) -> Count:
    """Count failures under key, atomically. window: in seconds, FAILURE_WINDOW unless given. 0 failures: only read the count."""
    seconds = int(now.timestamp())
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, (key, failures, seconds + (window or settings.FAILURE_WINDOW), seconds, seconds))
        return Count(*cursor.fetchone())


def has_reached(key: str, limit: int, *, now: datetime) -> bool:
    """Whether key has reached limit in its window. It only reads, so calling it often doesn't block others' writes."""
    return FailureCount.objects.filter(key=key, failures__gte=limit, window_ends__gt=int(now.timestamp())).exists()


def seconds_left(limits: list[tuple[str, int]], *, now: datetime) -> int:
    """The seconds until the windows of all full keys end, 0 if there are none. It only reads."""
    seconds = int(now.timestamp())
    ends = FailureCount.objects.filter(_reached(limits), window_ends__gt=seconds).aggregate(ends=Max("window_ends"))["ends"]
    return ends - seconds if ends else 0


def seconds_to_wait(keys: FailureKeys, *, now: datetime) -> int:
    """0 if an attempt under keys is allowed. oauth.lookup reads the same together with the client."""
    return seconds_left(_limits(keys), now=now)


def refuse_blocked(request: Request, registration: Registration[Any]) -> None:
    """Raise TooManyFailuresError if the caller's address has too many failures."""
    if registration.blocked_until is not None:
        raise TooManyFailuresError(retry_after=max(1, registration.blocked_until - int(request.now.timestamp())), client=registration.client)


def seconds_to_wait_to_fail(keys: FailureKeys, *, now: datetime) -> int:
    """0 if a failure under keys may be counted."""
    return seconds_left(_limits_to_fail(keys), now=now) if keys.address else 0


def find_full(keys: FailureKeys, *, now: datetime) -> dict[str, int]:
    """The keys that have reached their limit, each with the end of its window. It only reads."""
    if not keys.address:
        return {}
    return dict(FailureCount.objects.filter(_reached(_limits_to_fail(keys)), window_ends__gt=int(now.timestamp())).values_list("key", "window_ends"))


def _limits(keys: FailureKeys) -> list[tuple[str, int]]:
    return [(keys.address, settings.FAILURES_PER_ADDRESS), (keys.client_and_address, settings.FAILURES_PER_CLIENT)]


def _limits_to_fail(keys: FailureKeys) -> list[tuple[str, int]]:
    """The order is always the same, so that two workers lock the rows in the same order."""
    wider = [(key, times * settings.FAILURES_PER_ADDRESS) for key, times in zip(keys.wider, _TIMES, strict=False)]
    return [*wider, *_limits(keys)]


def _reached(limits: list[tuple[str, int]]) -> Q:
    return reduce(or_, (Q(key=key, failures__gte=limit) for key, limit in limits))


def count_failure(keys: FailureKeys, *, now: datetime) -> int | None:
    """Count one failure under each key. Returns the seconds to wait if a key is now over its limit, None if none is."""
    waits = []
    for key, limit in _limits_to_fail(keys):
        if key:
            counted = count(key, now=now)
            if counted.failures > limit:
                waits.append(counted.window_ends - int(now.timestamp()))
    return max(waits, default=None)
