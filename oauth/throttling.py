"""Counting failed authentications over all workers and nodes, in the database.

A window begins with its first failure and lasts FAILURE_WINDOW seconds. While a key has reached its limit, every attempt under it is refused without being
counted. Successes cost nothing here: whether a key is blocked is read along with the client (oauth.lookup).

An IPv6 network has more addresses than can be counted one by one, and each failure is written down. So wider networks count as well: beyond their limit a
failure is only refused, which writes nothing. A good credential is never refused because of them.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, reduce
from ipaddress import ip_address
from operator import or_
from typing import NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import Max, Q

from oauth.models import FailureCount

_TABLE = FailureCount._meta.db_table
_COUNT = f"""INSERT INTO {_TABLE} (key, failures, window_ends) VALUES (%s, %s, %s)
    ON CONFLICT (key) DO UPDATE SET
        failures = CASE WHEN {_TABLE}.window_ends <= %s THEN excluded.failures ELSE {_TABLE}.failures + excluded.failures END,
        window_ends = CASE WHEN {_TABLE}.window_ends <= %s THEN excluded.window_ends ELSE {_TABLE}.window_ends END
    RETURNING failures, window_ends"""  # noqa: S608  # only names of our own are put in

# What may be one sender's, by octets of an IPv6 address: a customer has a /64, a /56 or a /48. Each with how many times FAILURES_PER_ADDRESS it may fail. The
# widest comes first, so that two workers lock the rows in the same order.
_WIDER = ((6, 16), (7, 4))


@dataclass(frozen=True, slots=True)
class FailureKeys:
    """ "" for what isn't counted: an address that nothing shows, or attempts that name no client. wider: of the networks in _WIDER, none for IPv4."""

    client_and_address: str
    address: str
    wider: tuple[str, ...] = ()


# For a look-up that decides nothing about who may try.
NOT_COUNTED = FailureKeys("", "")


class Count(NamedTuple):
    failures: int
    window_ends: int


def network_of(address: str) -> str:
    """What counts as one sender: an IPv6 customer has at least a /64, so a single address of it is no one's limit."""
    if ":" not in address:
        return address
    packed = ip_address(address).packed
    return packed[:8].hex()


@lru_cache(maxsize=4096)
def widest_network_of(address: str) -> str:
    """What shares a place where there are few: everything that may be one sender's."""
    return next(iter(_wider_networks_of(address)), address)


def _wider_networks_of(address: str) -> tuple[str, ...]:
    if ":" not in address:
        return ()
    packed = ip_address(address).packed
    return tuple(f"{packed[:octets].hex()}/{octets * 8}" for octets, _ in _WIDER)


def failure_keys(*, name: str, address: str) -> FailureKeys:
    """name: whom the attempt is for, a client ID as the request has it, "" for none. address: as the connection or a trusted proxy shows it, "" for unknown."""
    if not address:
        return FailureKeys("", "")
    network, wider = network_of(address), _wider_networks_of(address)
    if not name:
        return FailureKeys("", network, wider)
    return FailureKeys(hashlib.blake2b(f"{network} {name}".encode("utf-8", "surrogatepass"), digest_size=24).hexdigest(), network, wider)


def count(key: str, *, now: datetime, window: int = 0, failures: int = 1) -> Count:
    """Count one failure under key, or so many, atomically. window: in seconds, FAILURE_WINDOW unless given. 0 failures: only read what was counted."""
    seconds = int(now.timestamp())
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, (key, failures, seconds + (window or settings.FAILURE_WINDOW), seconds, seconds))
        return Count(*cursor.fetchone())


def has_reached(key: str, limit: int, *, now: datetime) -> bool:
    """Whether so many were counted under key in its window. It only reads, so asking often doesn't keep the database from others' writes."""
    return FailureCount.objects.filter(key=key, failures__gte=limit, window_ends__gt=int(now.timestamp())).exists()


def seconds_left(limits: list[tuple[str, int]], *, now: datetime) -> int:
    """Until the windows end of those keys under which so many were counted, 0 for none. It only reads."""
    seconds = int(now.timestamp())
    ends = FailureCount.objects.filter(_reached(limits), window_ends__gt=seconds).aggregate(ends=Max("window_ends"))["ends"]
    return ends - seconds if ends else 0


def seconds_to_wait(keys: FailureKeys, *, now: datetime) -> int:
    """0 if an attempt under keys is allowed. Of a client the same is read along with it (oauth.lookup)."""
    return seconds_left(_limits(keys), now=now)


def seconds_to_wait_to_fail(keys: FailureKeys, *, now: datetime) -> int:
    """0 if a failure under keys may be counted."""
    return seconds_left(_limits_to_fail(keys), now=now) if keys.address else 0


def find_full(keys: FailureKeys, *, now: datetime) -> dict[str, int]:
    """Those under which no failure may be counted now, each with the end of its window. It only reads."""
    if not keys.address:
        return {}
    return dict(FailureCount.objects.filter(_reached(_limits_to_fail(keys)), window_ends__gt=int(now.timestamp())).values_list("key", "window_ends"))


def _limits(keys: FailureKeys) -> list[tuple[str, int]]:
    return [(keys.address, settings.FAILURES_PER_ADDRESS), (keys.client_and_address, settings.FAILURES_PER_CLIENT)]


def _limits_to_fail(keys: FailureKeys) -> list[tuple[str, int]]:
    """Always in this order, so that two workers lock the rows in the same one."""
    wider = [(key, times * settings.FAILURES_PER_ADDRESS) for key, (_, times) in zip(keys.wider, _WIDER, strict=False)]
    return [*wider, *_limits(keys)]


def _reached(limits: list[tuple[str, int]]) -> Q:
    return reduce(or_, (Q(key=key, failures__gte=limit) for key, limit in limits))


def count_failure(keys: FailureKeys, *, now: datetime) -> int | None:
    """Count one under each key. Returns the seconds to wait if one is now over its limit, None if none is."""
    waits = []
    for key, limit in _limits_to_fail(keys):
        if key:
            counted = count(key, now=now)
            if counted.failures > limit:
                waits.append(counted.window_ends - int(now.timestamp()))
    return max(waits, default=None)
