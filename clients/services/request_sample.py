"""Chooses the granted requests that are stored individually, besides being counted: all of an occasional client's, and a sample of a busy client's.

A client may store BURST rows, and one more every REFILL seconds. So all its instances can start together, and a year of a busy client stays readable. A request
with a credential, endpoint, address or scopes that the client hasn't used in the same hour is always stored. All clients of a process share a limit per second,
because storing the requests of a thousand clients would cost more than answering them.
"""

from collections.abc import Hashable
from dataclasses import dataclass

BURST = 30
REFILL = 30
FIRSTS_PER_HOUR = 100
BURST_OF_ALL = 1000
PER_SECOND_OF_ALL = 20

# Beyond this many clients, those with a full budget are forgotten.
_REMEMBERED = 20_000


@dataclass(slots=True)
class _Allowance:
    left: int
    since: int


class RequestSample:
    """The sample of one process. Not thread-safe: the caller holds a lock. Seconds are since the epoch."""

    def __init__(self) -> None:
        self._clients: dict[int, _Allowance] = {}
        self._left, self._since = BURST_OF_ALL, 0
        # Each client's different requests in this hour, as hashes, because requests may be long.
        self._hour = 0
        self._firsts: dict[int, set[int]] = {}

    def takes(self, client: int, doing: Hashable | None, second: int) -> bool:
        """Whether to store a request. doing: the request's details, None if the caller knows that the client has just done the same."""
        allowance = self._clients.get(client)
        if allowance is None:
            if len(self._clients) >= _REMEMBERED:
                self._forget(second)
            allowance = self._clients[client] = _Allowance(BURST, second)
        if doing is not None and self._is_first(client, doing, second):
            return True
        if allowance.left <= 0 and second - allowance.since >= REFILL:
            allowance.left = min(BURST, (second - allowance.since) // REFILL)
            allowance.since = second
        if allowance.left <= 0 or not self._has_room(second):
            return False
        allowance.left -= 1
        return True

    def _is_first(self, client: int, doing: Hashable, second: int) -> bool:
        if self._hour != second // 3600:
            self._hour, self._firsts = second // 3600, {}
        firsts, this = self._firsts.setdefault(client, set()), hash(doing)
        if this in firsts or len(firsts) >= FIRSTS_PER_HOUR:
            return False
        firsts.add(this)
        return True

    def _has_room(self, second: int) -> bool:
        if second > self._since:
            self._left = min(BURST_OF_ALL, self._left + (second - self._since) * PER_SECOND_OF_ALL)
            self._since = second
        if self._left <= 0:
            return False
        self._left -= 1
        return True

    def _forget(self, second: int) -> None:
        self._clients = {client: allowance for client, allowance in self._clients.items() if second - allowance.since < BURST * REFILL}
