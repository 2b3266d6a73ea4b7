"""Limits how long a worker computes pages: pages share an interpreter with token requests, and one takes as long as several of these.

Each network of strangers and each session has a burst of time, and after that a share of the time. So do all strangers together, but each network gets at least
a little. Only the thread's own computing time counts, not its waits.
"""

from collections import OrderedDict

# Beyond this many, those that were idle longest are forgotten.
MAX_KNOWN = 10_000


class PageTime:
    """Seconds of one worker, by network or session. Call its methods only on the event loop. now: seconds of a monotonic clock."""

    # The debt is limited, because otherwise somebody with a copy of the session's cookie could keep its owner out for a long time.
    MOST_OWED = 2.0

    def __init__(self, *, at_once: float, share: float) -> None:
        """share: of each second."""
        self._at_once = at_once
        self._share = share
        self._spent: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def add(self, whose: str, seconds: float, now: float) -> None:
        self._spent[whose] = (min(self.find_spent(whose, now) + seconds, self._at_once + self.MOST_OWED), now)
        self._spent.move_to_end(whose)
        if len(self._spent) > MAX_KNOWN:
            self._spent.popitem(last=False)

    def find_wait(self, whose: str, now: float) -> float:
        """Seconds until it has time again; 0.0 if it has some now."""
        return max(0.0, self.find_spent(whose, now) - self._at_once) / self._share

    def find_spent(self, whose: str, now: float) -> float:
        spent, since = self._spent.get(whose, (0.0, now))
        return max(0.0, spent - (now - since) * self._share)


class StrangersTime:
    """PageTime of networks, with a limit for all of them together."""

    # A network that has spent less isn't refused because of the others.
    IN_ANY_CASE = 0.5

    def __init__(self) -> None:
        # About a hundred pages, and ten pages a second.
        self._own = PageTime(at_once=3.0, share=0.05)
        self._of_all = PageTime(at_once=9.0, share=0.25)

    def add(self, network: str, seconds: float, now: float) -> None:
        self._own.add(network, seconds, now)
        self._of_all.add("", seconds, now)

    def find_wait(self, network: str, now: float) -> float:
        wait = self._own.find_wait(network, now)
        return max(wait, self._of_all.find_wait("", now)) if self._own.find_spent(network, now) > self.IN_ANY_CASE else wait


class SessionsTime:
    """PageTime of sessions. An export counts as one second, because it has a limit of its own (dashboard.people.quotas)."""

    LONGEST = 1.0

    def __init__(self) -> None:
        # Some sixty pages, and four a second.
        self._own = PageTime(at_once=3.0, share=0.2)

    def add(self, session: str, seconds: float, now: float) -> None:
        self._own.add(session, min(seconds, self.LONGEST), now)

    def find_wait(self, session: str, now: float) -> float:
        return self._own.find_wait(session, now)
