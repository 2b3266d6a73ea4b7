"""A process whose clock is off, by libfaketime: it changes what the C library says the time is, and nothing else on the machine."""

from pathlib import Path

from tests.servers.stores import missing


def faked_clock(file: Path, *, seconds: int = 0) -> dict[str, str]:
    """The environment of a process whose clock is so far ahead, negative for behind, as the file says at each moment.

    Clocks that measure how long something takes stay as they are.
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
