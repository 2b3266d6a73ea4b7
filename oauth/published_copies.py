"""The keys that this process has read from clients' jwks_uris, limited in total. At the limit, the workspace with the most keys loses its own first."""

from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from clients.public_key import ParsedPublicKey
from oauth.reasons import Reason

# The limit counts keys, each of which takes two to five KB, and URIs, each of which counts as one more.
MAX = 5000


@dataclass(slots=True)
class Copy:
    """The facts about one URI. keys: from the last valid copy, read at read_at. problem: the last attempt's. attempts: their number; failures: the number of
    failures in a row at the end.

    waits_until: it isn't read again before then.
    """

    keys: list[ParsedPublicKey] = field(default_factory=list)
    read_at: datetime | None = None
    waits_until: datetime | None = None
    problem: Reason | None = None
    attempts: int = 0
    failures: int = 0
    lock: Lock = field(default_factory=Lock)

    def counts(self, now: datetime, for_how_long: timedelta) -> bool:
        return self.read_at is not None and now < self.read_at + for_how_long


class PublishedCopies:
    """The copies by the workspace's primary key and the URI, so that one workspace's use of a URI doesn't affect another's."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._by_workspace: dict[int, OrderedDict[str, Copy]] = {}
        self._weights: Counter[int] = Counter()
        self._total = 0

    def get(self, workspace: int, uri: str) -> Copy:
        with self._lock:
            copies = self._by_workspace.setdefault(workspace, OrderedDict())
            if uri not in copies:
                copies[uri] = Copy()
                self._weigh(workspace, 1)
            copies.move_to_end(uri)
            copy = copies[uri]
            self._shrink()
        return copy

    def set_keys(self, workspace: int, uri: str, copy: Copy, keys: list[ParsedPublicKey]) -> None:
        """copy: that URI's, even if it has been dropped meanwhile."""
        with self._lock:
            if (copies := self._by_workspace.get(workspace)) and copies.get(uri) is copy:
                self._weigh(workspace, len(keys) - len(copy.keys))
            copy.keys = keys
            self._shrink()

    def clear(self) -> None:
        with self._lock:
            self._by_workspace.clear()
            self._weights.clear()
            self._total = 0

    def _weigh(self, workspace: int, more: int) -> None:
        self._weights[workspace] += more
        self._total += more

    def _shrink(self) -> None:
        while self._total > MAX:
            ((heaviest, _),) = self._weights.most_common(1)
            copies = self._by_workspace[heaviest]
            _, dropped = copies.popitem(last=False)
            self._weigh(heaviest, -1 - len(dropped.keys))
            if not copies:
                del self._by_workspace[heaviest], self._weights[heaviest]
