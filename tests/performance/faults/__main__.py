"""Runs two nodes with two workers each, and kills, freezes, fills or falsifies each part that they depend on, while a bounded stream of valid requests goes on.

python -m tests.performance.faults [--only NAME]… [--list] [--markdown]

It does so with PostgreSQL, with PostgreSQL behind a PgBouncer, with Patroni (a synchronous standby) and Redis, and with SQLite. All of these are made for the
run, on loopback, and stop with it. docs/operations.md explains and contains the result. Exits with 1 if an acknowledged change is missing, a revoked token or a
used assertion was accepted, a request waited over 5 s for a frozen part, or no token came within 3 s of a new primary.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from shutil import which
from types import FrameType

from tests.performance.faults.cases import CASES, PATRONI, PGBOUNCER, POSTGRESQL, SQLITE, Case
from tests.performance.faults.measured import Measured, render
from tests.performance.faults.run import run_case
from tests.performance.servers import BenchError

# Running as root isn't required, but only root can make separate disks.
_DISKS = "disk-full"
_PLACES = {POSTGRESQL: "with PostgreSQL", PGBOUNCER: "behind a PgBouncer", PATRONI: "with Patroni and Redis", SQLITE: "with SQLite"}
_PROGRAMS = {"etcd": "etcd-server", "patroni": "patroni", "pgbouncer": "pgbouncer", "redis-server": "redis-server"}


def say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.performance.faults", description="Break each part of an installation while it serves.")
    parser.add_argument("--only", metavar="NAME", action="append", choices=[case.name for case in CASES], help="this fault; may be given several times")
    parser.add_argument("--list", action="store_true", help="print the names of the faults")
    parser.add_argument("--markdown", action="store_true", help="print the table as docs/operations.md has it")
    return parser.parse_args()


def require_programs() -> None:
    path = f"{os.environ['PATH']}:/usr/sbin"
    absent = [package for program, package in _PROGRAMS.items() if which(program, path=path) is None]
    absent += [] if list(Path("/usr/lib/postgresql").glob("*/bin/initdb")) else ["postgresql"]
    absent += [] if list(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")) else ["libfaketime"]
    if absent:
        raise BenchError(f"This needs more programs. On Debian: apt install {' '.join(absent)}")


def run_cases(cases: list[Case], directory: Path) -> list[Measured]:
    measured = []
    for installation in dict.fromkeys(case.installation for case in cases):
        with ExitStack() as stack:
            say(f"Two nodes {_PLACES[installation]}")
            nodes = installation(directory / installation.__name__, stack)
            for case in (case for case in cases if case.installation is installation):
                if _DISKS in case.name and nodes.disk is None:
                    say(f"{case.name}: not run, for a disk of its own can be made by root only")
                    continue
                say(case.name)
                measured.append(run_case(case, nodes))
                say("  ".join(measured[-1].cells()))
    return measured


def _stop(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


def main() -> int:
    options = parse_options()
    if options.list:
        sys.stdout.write("".join(f"{case.name}\n" for case in CASES))
        return 0
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    cases = [case for case in CASES if not options.only or case.name in options.only]
    try:
        require_programs()
        with tempfile.TemporaryDirectory(prefix="tokenos-faults-", ignore_cleanup_errors=True) as directory:
            measured = run_cases(cases, Path(directory))
    except BenchError as error:
        say(str(error))
        return 1
    sys.stdout.write(f"{render(measured, is_markdown=options.markdown)}\n")
    return 1 if any(row.find_faults() for row in measured) else 0


if __name__ == "__main__":
    sys.exit(main())
