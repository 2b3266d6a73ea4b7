"""Limits how many of a worker's connections one network may have: an idle connection costs memory, and a network that has all of them keeps others out.

Beyond the limit, the network's longest idle connection makes room for a new one; if none is idle, the oldest one that waits for its peer in the middle of a
request. So a load balancer that makes all callers look like one network can still serve them.
"""

from collections.abc import Callable, Iterable
from typing import Any

from oauth.sender_network import widest_network_of

MAX = 2048
# One network may have at most this fraction (1 / PART) of a worker's connections.
PART = 4
# Seconds for which a network without room isn't searched for room again.
FULL = 0.05
# Seconds for which a peer may be silent, or in its handshake, before it has to make room for another.
PATIENCE = 1

# The states of a connection that waits, in the order in which connections are closed to make room: closing an idle one does no harm.
_WAITING = ("head", "next", "body", "write")


class Stay:
    """One connection's stay, from accept on. since: the loop's time then. connection: serves it, once there is one. end: ends it before that."""

    __slots__ = ("_stays", "connection", "end", "since")

    def __init__(self, stays: "dict[Stay, None]", since: float) -> None:
        self._stays = stays
        self.since = since
        self.connection: Any = None
        self.end: Callable[[], object] | None = None
        stays[self] = None

    def is_idle(self, now: float) -> bool:
        """A new connection isn't idle yet: otherwise a peer that shares its network with a flooder would never get to its request."""
        if self.connection is None:
            return self.end is not None and now - self.since > PATIENCE
        phase = self.connection.find_phase()
        return phase == "next" or (phase == "head" and self.connection.phase is not None)

    def leave(self) -> None:
        """End the stay. It may be called more than once."""
        self._stays.pop(self, None)


class Networks:
    """connections: the maximum for the worker."""

    def __init__(self, connections: int) -> None:
        self.most = min(MAX, connections // PART)
        # A network with more than this has many.
        self.crowd = connections // 64
        self._stays: dict[str, dict[Stay, None]] = {}
        self._full_until: dict[str, float] = {}

    def enter(self, address: str, now: float) -> Stay | None:
        """Begin a stay; None if there is no room. address: the peer's, "" for a Unix socket. A trusted proxy's connections aren't counted, because many callers
        share them.
        """
        from dashboard.server.connection import is_trusted

        if not address or is_trusted(address):
            return Stay({}, now)
        network = widest_network_of(address)
        stays = self._stays.setdefault(network, {})
        if len(stays) >= self.most:
            if self._full_until.get(network, 0.0) > now:
                return None
            if not _make_room(stays, now):
                self._full_until[network] = now + FULL
                return None
        return Stay(stays, now)

    def choose_waiting(self, connections: Iterable[Any], most: int) -> list[Any]:
        """The connections to end when the worker has too many, oldest first; none that is being served.

        Connections of networks that have many come first. Then come others that were already waiting at the last sweep, because a distant peer takes a moment
        between its handshake and its request.
        """
        found = []
        for connection in connections:
            phase, size = connection.find_phase(), len(self._stays.get(connection.network, ()))
            is_crowded = size > self.crowd
            if phase is not None and (is_crowded or connection.phase is not None):
                found.append(((-size if is_crowded else 0, _WAITING.index(phase)), connection))
        found.sort(key=lambda one: one[0])
        return [connection for _, connection in found[:most]]

    def forget(self) -> None:
        """Forget networks without connections, and which networks had no room."""
        self._full_until.clear()
        for network in [network for network, stays in self._stays.items() if not stays]:
            del self._stays[network]


def _make_room(stays: dict[Stay, None], now: float) -> bool:
    """End the oldest idle connection; if there is none, several that wait for their peer, because searching all of them takes a while."""
    slow: dict[str, list[Stay]] = {"body": [], "write": []}
    for stay in stays:
        if stay.is_idle(now):
            found = [stay]
            break
        phase = stay.connection.find_phase() if stay.connection is not None else None
        if phase in slow:
            slow[phase].append(stay)
    else:
        found = [*slow["body"], *slow["write"]][: 1 + len(stays) // 64]
    for stay in found:
        stay.leave()
        if stay.connection is not None:
            stay.connection.transport.abort()
        elif stay.end is not None:
            stay.end()
    return bool(found)
