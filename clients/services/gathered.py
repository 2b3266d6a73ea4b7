"""The usage that a process has gathered since it last wrote, in a form that costs a request little: keys are plain tuples, because a named tuple takes ten
times as long to make. They get names when they are written.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

SLOT_SECONDS = 300


class GrantedKey(NamedTuple):
    """The key by which granted requests are counted. address: "" if unknown. minute, token_minute: the times of the request and of the issued token's expiry
    (rounded up), in minutes since the epoch, 0 for none. is_scope_asked: the request named scopes. is_by_credential: the credential itself was presented, not a
    token.
    """

    client: int
    workspace: int
    environment: str
    credential: str
    endpoint: str
    address: str
    scopes: tuple[str, ...]
    is_scope_asked: bool
    is_by_credential: bool
    minute: int
    token_minute: int


class RefusedKey(NamedTuple):
    """outcome: the code of the reason. hour: in hours since the epoch."""

    client: int
    workspace: int
    environment: str
    credential: str
    endpoint: str
    outcome: str
    hour: int


class TimeKey(NamedTuple):
    """The fields are as in ResponseTime. slot: its start, in units of SLOT_SECONDS since the epoch."""

    slot: int
    endpoint: str
    limit_ms: int
    is_failure: bool


class SampledRequest(NamedTuple):
    """A granted request that is stored individually. microseconds: None if it couldn't be measured."""

    key: GrantedKey
    request_id: str
    microseconds: int | None
    now: datetime


@dataclass(slots=True)
class Gathered:
    """granted: the count and the last time, by the tuple of a GrantedKey. refused, times: the counts, by the tuples of a RefusedKey and a TimeKey. last_used:
    time and address, by table and primary key. outdated: plaintexts of secrets by their primary keys. requests: the number of recorded requests.
    """

    granted: dict[tuple[Any, ...], list[Any]] = field(default_factory=dict)
    refused: dict[tuple[Any, ...], int] = field(default_factory=dict)
    times: dict[tuple[Any, ...], int] = field(default_factory=dict)
    sampled: list[SampledRequest] = field(default_factory=list)
    last_used: dict[tuple[str, int], tuple[datetime, str]] = field(default_factory=dict)
    outdated: dict[int, str] = field(default_factory=dict, repr=False)
    requests: int = 0

    @property
    def has_rows(self) -> bool:
        return bool(self.granted or self.refused or self.times or self.sampled or self.last_used)

    def halves(self) -> "tuple[Gathered, Gathered] | None":
        """Its rows in two parts; None if it has at most one row."""
        rows: list[tuple[str, Any, Any]] = [("sampled", None, sample) for sample in self.sampled]
        for name in ("granted", "refused", "times", "last_used"):
            rows += [(name, key, value) for key, value in getattr(self, name).items()]
        middle = len(rows) // 2
        return (_gather(rows[:middle]), _gather(rows[middle:])) if middle else None

    def put_back(self, taken: "Gathered") -> None:
        """Add rows back that couldn't be written. Rows gathered meanwhile are newer."""
        for granted, (count, last) in taken.granted.items():
            self.granted.setdefault(granted, [0, last])[0] += count
        for refused, count in taken.refused.items():
            self.refused[refused] = self.refused.get(refused, 0) + count
        for time, count in taken.times.items():
            self.times[time] = self.times.get(time, 0) + count
        self.sampled = taken.sampled + self.sampled
        self.last_used = taken.last_used | self.last_used
        self.requests += taken.requests


def _gather(rows: list[tuple[str, Any, Any]]) -> Gathered:
    gathered = Gathered()
    for name, key, value in rows:
        if name == "sampled":
            gathered.sampled.append(value)
        else:
            getattr(gathered, name)[key] = value
    gathered.requests = sum(count for count, _ in gathered.granted.values()) + sum(gathered.refused.values())
    return gathered
