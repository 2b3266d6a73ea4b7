"""How long a worker computes for strangers' pages: with requests for tokens these share one interpreter, and a page takes as long as several of them.

Each network has so much at once, and a share of the time for ever; so have all together, of which each has a little in any case. Only the thread's own time
counts, not what it waits for.
"""

from collections import OrderedDict

# Seconds: some hundred pages.
AT_ONCE = 3.0
# Of each second: some ten pages.
SHARE = 0.05
# The same of all networks, and what one has though all others took more.
AT_ONCE_OF_ALL, SHARE_OF_ALL, IN_ANY_CASE = 9.0, 0.25, 0.5
# Beyond so many, those are forgotten that haven't asked for the longest.
MOST_NETWORKS = 10_000


class StrangerTime:
    """Of one worker. Belongs to an event loop, on which all is called. now: seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._spent: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._of_all = (0.0, 0.0)

    def add(self, network: str, seconds: float, now: float) -> None:
        self._of_all = (self._find_of_all(now) + seconds, now)
        self._spent[network] = (self._find(network, now) + seconds, now)
        self._spent.move_to_end(network)
        if len(self._spent) > MOST_NETWORKS:
            self._spent.popitem(last=False)

    def find_wait(self, network: str, now: float) -> float:
        """Seconds until the network has time again; 0.0 if it has some now."""
        own = self._find(network, now)
        wait = max(0.0, own - AT_ONCE) / SHARE
        return max(wait, (self._find_of_all(now) - AT_ONCE_OF_ALL) / SHARE_OF_ALL) if own > IN_ANY_CASE else wait

    def _find(self, network: str, now: float) -> float:
        spent, since = self._spent.get(network, (0.0, now))
        return max(0.0, spent - (now - since) * SHARE)

    def _find_of_all(self, now: float) -> float:
        spent, since = self._of_all
        return max(0.0, spent - (now - since) * SHARE_OF_ALL)
