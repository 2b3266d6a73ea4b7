"""How long a worker computes for strangers' pages: with requests for tokens these share one interpreter, and a page takes as long as several of them.

Each network has so much at once, and a share of the time for ever. Only the thread's own time counts, not what it waits for.
"""

from collections import OrderedDict

# Seconds: some hundred pages.
AT_ONCE = 3.0
# Of each second: some twenty pages.
SHARE = 0.1
# Beyond so many, those are forgotten that haven't asked for the longest.
MOST_NETWORKS = 10_000


class StrangerTime:
    """Of one worker. Belongs to an event loop, on which all is called. now: seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._spent: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def add(self, network: str, seconds: float, now: float) -> None:
        self._spent[network] = (self._find(network, now) + seconds, now)
        self._spent.move_to_end(network)
        if len(self._spent) > MOST_NETWORKS:
            self._spent.popitem(last=False)

    def find_wait(self, network: str, now: float) -> float:
        """Seconds until the network has time again; 0.0 if it has some now."""
        return max(0.0, self._find(network, now) - AT_ONCE) / SHARE

    def _find(self, network: str, now: float) -> float:
        spent, since = self._spent.get(network, (0.0, now))
        return max(0.0, spent - (now - since) * SHARE)
