"""How many connections of a worker one network has: an idle one costs memory, and who has them all keeps others out.

Beyond that the network's longest idle one makes room for a new one. So a balancer behind which callers look like one network keeps serving them.
"""

from typing import Any

MOST = 2048


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
    def __init__(self) -> None:
        self._stays: dict[str, dict[Stay, None]] = {}

    def enter(self, address: str) -> Stay | None:
        """None if there is no room. address: of the peer, "" for a Unix socket; a trusted proxy's connections are everybody's, and aren't counted."""
        from dashboard.server.connection import is_trusted
        from oauth.throttling import widest_network_of

        if not address or is_trusted(address):
            return Stay({})
        stays = self._stays.setdefault(widest_network_of(address), {})
        if len(stays) >= MOST and not _make_room(stays):
            return None
        return Stay(stays)

    def forget(self) -> None:
        """Those that have no connection any more."""
        for network in [network for network, stays in self._stays.items() if not stays]:
            del self._stays[network]


def _make_room(stays: dict[Stay, None]) -> bool:
    """End the oldest that waits for its peer's next request, if any does."""
    for stay in stays:
        if stay.connection is not None and stay.connection.find_phase() in ("head", "next"):
            stay.leave()
            stay.connection.transport.abort()
            return True
    return False
