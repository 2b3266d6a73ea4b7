"""The result of a case, as a row of the table, and whether it is good enough."""

from dataclasses import dataclass

from tests.performance.faults.cases import Case
from tests.performance.faults.stream import Account, Sent

# In seconds.
MAX = 5.0
RECOVERY = 3.0

_HEAD = ("fault", "requests", "failed", "gap s", "recovery s", "longest s", "lost", "revoked accepted", "used twice", "")


@dataclass(frozen=True)
class Measured:
    """gap: the longest time in which no node gave out a token. recovery: after the fault, until every node did and none failed any more. longest: that
    somebody waited."""

    case: Case
    requests: int
    failed: int
    gap: float
    recovery: float
    longest: float
    lost: int
    revoked_accepted: int
    used_twice: int

    def find_faults(self) -> list[str]:
        found = [name for name, count in (("lost", self.lost), ("revoked accepted", self.revoked_accepted), ("used twice", self.used_twice)) if count]
        if self.case.limits and round(self.longest, 1) > MAX:
            found.append(f"waited over {MAX:g} s")
        if self.case.is_failover and round(self.recovery, 1) > RECOVERY:
            found.append(f"no tokens within {RECOVERY:g} s of the new primary")
        return found

    def cells(self) -> tuple[str, ...]:
        times = (f"{seconds:.1f}" for seconds in (self.gap, self.recovery, self.longest))
        counts = (str(count) for count in (self.lost, self.revoked_accepted, self.used_twice))
        return (self.case.name, f"{self.requests:,}", f"{self.failed:,}", *times, *counts, ", ".join(self.find_faults()) or "ok")


def measure(case: Case, account: Account, *, nodes: int, began: float, lifted: float, lost: int, used_twice: int) -> Measured:
    """began, lifted: when the fault did, by time.monotonic(). lost, used_twice: as a look afterwards found."""
    sent = [one for one in account.sent if one.ended >= began]
    tokens = sorted(one.ended for one in sent if one.is_token and one.is_good)
    moments = [began, *tokens]
    return Measured(
        case=case,
        requests=len(sent),
        failed=sum(not one.is_good for one in sent),
        gap=max((later - earlier for earlier, later in zip(moments, tokens, strict=False)), default=0.0),
        recovery=max(_recovery(node, sent, lifted) for node in range(nodes)),
        longest=max((one.ended - one.began for one in sent), default=0.0),
        lost=lost,
        revoked_accepted=account.revoked_accepted,
        used_twice=account.used_twice + used_twice,
    )


def _recovery(node: int, sent: list[Sent], lifted: float) -> float:
    after = [one for one in sent if one.node == node and one.is_token and one.began >= lifted]
    failed = max((one.ended for one in after if not one.is_good), default=lifted)
    return min((one.ended for one in after if one.is_good and one.ended > failed), default=float("inf")) - lifted


def render(rows: list[Measured], *, is_markdown: bool) -> str:
    cells = [_HEAD, *(row.cells() for row in rows)]
    if is_markdown:
        lines = [f"| {' | '.join(row)} |" for row in cells]
        return "\n".join([lines[0], "|:--|" + "--:|" * (len(_HEAD) - 2) + ":--|", *lines[1:]])
    widths = [max(len(row[column]) for row in cells) for column in range(len(_HEAD))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column in (0, len(_HEAD) - 1) else cell.rjust(width) for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    )
