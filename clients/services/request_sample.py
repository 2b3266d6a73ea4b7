"""Which granted requests are kept one by one, beside being counted: all of a client that asks now and then, a sample of one that asks all the time.

A client has BURST rows, and one more every REFILL seconds; so many at once that all its instances may start together, so few for ever that a year of a busy
client stays readable. What it hasn't done in the same hour before, by credential, endpoint, address or scopes, is kept whatever it had. All clients of a
process have so many a second together, or a thousand of them would cost more than the requests that they note.
"""

from collections.abc import Hashable
from dataclasses import dataclass

BURST = 30
REFILL = 30
FIRSTS_PER_HOUR = 100
BURST_OF_ALL = 1000
PER_SECOND_OF_ALL = 20

# Beyond so many clients those are forgotten that have all their rows again.
_REMEMBERED = 20_000


@dataclass(slots=True)
class _Allowance:
    left: int
    since: int


class RequestSample:
    """Of one process. Not safe for threads: the caller has a lock. Seconds are those since the epoch."""

    def __init__(self) -> None:
        self._clients: dict[int, _Allowance] = {}
        self._left, self._since = BURST_OF_ALL, 0
        # What each client has done in this hour, by its hash: what it sent is as long as it likes.
        self._hour = 0
        self._firsts: dict[int, set[int]] = {}

    def takes(self, client: int, doing: Hashable | None, second: int) -> bool:
        """Whether to keep a request. doing: what it did, None where the caller knows that the client has just done the same."""
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
