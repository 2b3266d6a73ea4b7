"""Runs a process with a wrong clock, by libfaketime: it changes only the time that the C library returns."""

from pathlib import Path

from tests.servers.stores import missing


def faked_clock(file: Path, *, seconds: int = 0) -> dict[str, str]:
    """The environment of a process whose clock is ahead by the time in the file, which may change; negative for behind.

    Clocks for durations stay right.
    """
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not found:
        missing("libfaketime", install="apt install libfaketime")
    set_clock(file, seconds)
    return {
        "LD_PRELOAD": str(found[0]),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": str(Path(__file__).with_name("wrong_clock")),
    }


def set_clock(file: Path, seconds: int) -> None:
    file.write_text(f"{seconds:+d}\n")
