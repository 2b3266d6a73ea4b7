"""The machine's memory: computes how many connections it is enough for, and gives back unused memory."""

import ctypes
import re
from collections.abc import Iterator
from pathlib import Path

# Bytes per connection. With TLS an idle one takes 36 KB, and one that has received 16 KiB of a request 65 KB. Longer requests have a separate limit.
OF_CONNECTION = 128 * 1024
# Connections may use this fraction (1 / PART) of the memory: half of it.
PART = 2
# The number of connections that a worker may have in any case.
FEWEST = 256

# mallopt(3)'s M_TRIM_THRESHOLD and M_MMAP_THRESHOLD, and glibc's initial value for both.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _LARGE = -1, -3, 128 * 1024

# After this many connections have ended, and at most once in that many seconds, a worker returns freed memory: that takes it 20 ms for 100 MB.
MANY_ENDED, PAUSE = 512, 10

_AVAILABLE = re.compile(r"^MemAvailable:\s+(\d+) kB$", re.MULTILINE)


def find_most_connections(workers: int, root: Path = Path("/")) -> int | None:
    """The maximum for each worker; None if the system doesn't say how much memory there is. root: the folder that contains the system's files."""
    memory = min(_find_memory(root), default=None)
    return None if memory is None else max(memory // PART // workers // OF_CONNECTION, FEWEST)


def give_back() -> None:
    """Return large blocks, of which TLS has one for each connection, to the system as soon as they are free; here and in forks.

    By default, glibc takes blocks as large as previously freed ones from the heap, where any later block keeps them from being returned.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for threshold in (_TRIM_THRESHOLD, _MMAP_THRESHOLD):
            mallopt(threshold, _LARGE)


class FreedMemory:
    """Returns the memory of ended connections to the system. glibc keeps it until asked if other small blocks come after it in the heap."""

    def __init__(self) -> None:
        self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        self._ended = 0
        self._due = 0.0

    def give_back(self, ended: int, now: float) -> None:
        """Call it often. ended: the number of connections that have ended so far. now: seconds of a monotonic clock."""
        if self._trim is not None and ended - self._ended >= MANY_ENDED and now >= self._due:
            self._ended, self._due = ended, now + PAUSE
            self._trim(0)


def _find_memory(root: Path) -> Iterator[int]:
    """The available memory, and the limits of this process's control group and its parents, of version 1 or 2."""
    if available := _AVAILABLE.search(_read(root / "proc/meminfo")):
        yield int(available[1]) * 1024
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers in ("", "memory"):
            top, name = ("", "memory.max") if not controllers else ("memory", "memory.limit_in_bytes")
            # In a container, the path may be the host's, and the container's own group is at the root.
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
