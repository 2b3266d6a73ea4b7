"""The machine's memory: how many connections it is enough for, and that it gets back what isn't used any more."""

import ctypes
import re
from collections.abc import Iterator
from pathlib import Path

# Bytes for a connection. With TLS an idle one takes 36 KB, and one of which 16 KiB of a request have come 65; longer requests have a bound of their own.
OF_CONNECTION = 128 * 1024
# Of the memory there is, connections may have a half: one part in so many.
PART = 2
# So many connections a worker has in any case.
FEWEST = 256

# mallopt(3)'s M_TRIM_THRESHOLD and M_MMAP_THRESHOLD, and what glibc begins with for both.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _LARGE = -1, -3, 128 * 1024

_AVAILABLE = re.compile(r"^MemAvailable:\s+(\d+) kB$", re.MULTILINE)


def find_most_connections(workers: int, root: Path = Path("/")) -> int | None:
    """Of each worker; None where the system doesn't say how much memory there is. root: below which its files are."""
    memory = min(_find_memory(root), default=None)
    return None if memory is None else max(memory // PART // workers // OF_CONNECTION, FEWEST)


def give_back() -> None:
    """Large blocks, of which TLS has one for each connection, to the system as soon as they are free; here and in forks.

    Left to itself, glibc takes blocks as large as those that were freed from the heap, where what lies behind them keeps them.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for threshold in (_TRIM_THRESHOLD, _MMAP_THRESHOLD):
            mallopt(threshold, _LARGE)


def _find_memory(root: Path) -> Iterator[int]:
    """What is available, and the limits of this process's control group and those around it, of version 1 or 2."""
    if available := _AVAILABLE.search(_read(root / "proc/meminfo")):
        yield int(available[1]) * 1024
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers in ("", "memory"):
            top, name = ("", "memory.max") if not controllers else ("memory", "memory.limit_in_bytes")
            # In a container, the path may be the host's, and the container's own group is at the top.
            group = Path(path.lstrip("/"))
            for folder in (group, *group.parents):
                limit = _read(root / "sys/fs/cgroup" / top / folder / name).strip()
                if limit.isdecimal():
                    yield int(limit)


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
