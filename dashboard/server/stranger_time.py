"""Limits how long a worker computes strangers' pages: pages share an interpreter with token requests, and one takes as long as several of these.

Each network has a burst of time, and after that a share of the time. So do all networks together, but each network gets at least a little. Only the thread's
own computing time counts, not its waits.
"""

from collections import OrderedDict

# In seconds: about a hundred pages.
AT_ONCE = 3.0
# The share of each second: about ten pages.
SHARE = 0.05
# The same for all networks together, and the minimum for each network.
AT_ONCE_OF_ALL, SHARE_OF_ALL, IN_ANY_CASE = 9.0, 0.25, 0.5
# Beyond this many, the networks that were idle longest are forgotten.
MAX_NETWORKS = 10_000


class StrangerTime:
    """The time of one worker's strangers. Call its methods only on the event loop. now: seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._spent: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._of_all = (0.0, 0.0)

    def add(self, network: str, seconds: float, now: float) -> None:
        self._of_all = (self._find_of_all(now) + seconds, now)
        self._spent[network] = (self._find(network, now) + seconds, now)
        self._spent.move_to_end(network)
        if len(self._spent) > MAX_NETWORKS:
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
