"""A disk of a few mebibytes for one server, which can be filled: a tmpfs in the server's own mount namespace."""

import os
import subprocess
from itertools import count
from pathlib import Path

import pytest

from tests.servers.stores import missing

# $0 is the folder and $1 the size. The folder's files are copied to the new disk.
_MOUNT = """
copy=$(mktemp -d -p /tmp) && cp -a "$0/." "$copy" && mount -t tmpfs -o size="$1" tmpfs "$0" && cp -a "$copy/." "$0" && rm -r "$copy" && shift && exec "$@"
"""


def on_small_disk(folder: Path, size: str = "8m") -> list[str]:
    """The beginning of a command that runs the rest of it with folder on a disk of that size. The process stays the same."""
    unshare = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    if subprocess.run([*unshare, "sh", "-c", "mount -t tmpfs tmpfs /mnt"], capture_output=True, check=False).returncode:
        missing("A kernel that lets this user mount a file system", install="run it as root, or allow user namespaces.")
    return [*unshare, "sh", "-c", _MOUNT, str(folder), size]


def fill(folder: Path, *, pid: int, inodes: bool = False) -> None:
    """Leave not a byte on the disk that the process sees at folder, or no room for another file."""
    inside = Path(f"/proc/{pid}/root{folder}")
    with pytest.raises(OSError, match="No space left"):
        _add_files(inside) if inodes else _fill_file(inside)


def _add_files(folder: Path) -> None:
    for number in count():
        (folder / f"filler{number}").touch()


def _fill_file(folder: Path) -> None:
    with (folder / "filler").open("wb", buffering=0) as filler:
        while filler.write(b"\0" * 65536) == 65536:
            pass
        while filler.write(b"\0"):
            pass
