"""How many connections of a worker one network has: an idle one costs memory, and who has them all keeps others out.

Beyond that the network's longest idle one makes room for a new one, and if none is idle the oldest that waits for its peer in the middle of a request. So a
balancer behind which callers look like one network keeps serving them.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

MOST = 2048
# Of the connections that a worker can have, one network has one part in so many.
PART = 4

# What a connection waits for, in the order in which it is ended for want of room: an idle one loses nothing.
_WAITING = ("head", "next", "body", "write")


class Stay:
    """Of one connection, from accept on. connection: what serves it, once that is there."""

    __slots__ = ("_stays", "connection")

    def __init__(self, stays: "dict[Stay, None]") -> None:
        self._stays = stays
        self.connection: Any = None
        stays[self] = None

    def leave(self) -> None:
        """May be called again."""
        self._stays.pop(self, None)


class Networks:
    """connections: how many the worker can have."""

    def __init__(self, connections: int) -> None:
        self.most = min(MOST, connections // PART)
        self._stays: dict[str, dict[Stay, None]] = {}

    def enter(self, address: str) -> Stay | None:
        """None if there is no room. address: of the peer, "" for a Unix socket; a trusted proxy's connections are everybody's, and aren't counted."""
        from dashboard.server.connection import is_trusted
        from oauth.throttling import widest_network_of

        if not address or is_trusted(address):
            return Stay({})
        stays = self._stays.setdefault(widest_network_of(address), {})
        if len(stays) >= self.most and not _make_room(stays):
            return None
        return Stay(stays)

    def forget(self) -> None:
        """Those that have no connection any more."""
        for network in [network for network, stays in self._stays.items() if not stays]:
            del self._stays[network]


def _make_room(stays: dict[Stay, None]) -> bool:
    """End the oldest that waits for its peer, if any does."""
    waiting = [stay for stay in stays if stay.connection is not None and stay.connection.find_phase()]
    if not waiting:
        return False
    stay = min(waiting, key=lambda stay: _WAITING.index(stay.connection.find_phase()))
    stay.leave()
    stay.connection.transport.abort()
    return True


def choose_waiting(connections: Iterable[Any], most: int) -> list[Any]:
    """Of all connections of a worker, oldest first, those to end when there are too many: none that is being served.

    Those that never asked for anything go first. Of the rest, those of the network that has the most, so that whoever holds many loses theirs.
    """
    found = [(connection, phase) for connection in connections if (phase := connection.find_phase())]
    sizes = Counter(connection.network for connection, _ in found)
    found.sort(key=lambda one: (one[1] != "head", -sizes[one[0].network], _WAITING.index(one[1])))
    return [connection for connection, _ in found[:most]]
