"""Killing and freezing a process with everything that it has started."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.servers.stores import children


def find_tree(pid: int) -> list[int]:
    """pid and all below it, parents first."""
    found = [pid]
    for one in found:
        with suppress(FileNotFoundError):
            found += children(one)
    return found


def signal_all(pids: list[int], number: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def is_alive(pid: int) -> bool:
    """A zombie is dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextmanager
def frozen(*roots: int) -> Iterator[None]:
    pids = [pid for root in roots for pid in find_tree(root)]
    signal_all(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        signal_all(pids, signal.SIGCONT)
