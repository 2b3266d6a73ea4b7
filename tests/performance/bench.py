"""make bench: TokenOS beside a bare Django view and django-oauth-toolkit, in one run on one machine.

    python -m tests.performance.bench [--quick] [--markdown] [--clients N] [--rounds N] [--seconds S]

All servers run at once with as many workers; the cases take turns, round after round, so that what else the machine does hits each of them alike. Each
request has another client's credentials than the one before. A figure is the median over the rounds; a ratio is the median of the rounds' ratios.
docs/performance.md explains and keeps the result. Exits with 1 where an answer wasn't 200 or a target is missed.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any

from tests.performance import report, servers
from tests.performance.assertions import Programs
from tests.performance.load import WRK, Case, Result, check, measure, read_credentials, send_each, write_basic, write_lines
from tests.performance.measured import API_KEY, ASSERTION, BARE, FIRST, JWT, LATE, LATER, PROCESS, PROOF, SECOND, TOKEN, TOOLKIT, UNSYNCED, Measured, large_name
from tests.performance.servers import BenchError, Installation, Server

# The number of clients whose credentials take turns.
CYCLE = 1000
# Clients with a key.
PROGRAMS = 200
# The first of the known clients only warm a process up.
WARMING = 200
FIRST_USES = 1000
# After this many uses of each of two clients, further ones count as late.
USES_BEFORE = 1000
RESTARTS = 3
# Usage is gathered and written every two seconds: after this time, each phase has paid for its own usage.
FLUSHING = 2.5

BODY = "grant_type=client_credentials"


def say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.performance.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20,000 clients, two short rounds: to see that all works, not for figures")
    parser.add_argument("--clients", type=int, help="clients in the large table, 1,000,000 by default")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=int, help="for each case in each round")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="of each server, as many as cores by default")
    parser.add_argument("--database-url", default="", help="of an empty PostgreSQL database, for our small table instead of SQLite; the large one is left out")
    parser.add_argument("--markdown", action="store_true", help="print tables for docs/performance.md")
    options = parser.parse_args()
    clients, rounds, seconds = (20_000, 2, 1) if options.quick else (1_000_000, 10, 1)
    options.clients = min(max(options.clients or clients, 2 * CYCLE), 10_000_000)
    options.rounds = min(max(options.rounds or rounds, 1), 50)
    options.seconds = min(max(options.seconds or seconds, 1), 60)
    return options


class Bench:
    def __init__(self, options: argparse.Namespace, directory: Path, stack: ExitStack) -> None:
        self.options = options
        self.directory = directory
        self.stack = stack

    def run(self) -> Measured:
        measured = Measured()
        small, _ = self.install("small", 2 * CYCLE, self.options.database_url)
        large, seeding = (small, {}) if self.options.database_url else self.install("large", self.options.clients, "")
        if seeding:
            say(f"{seeding['clients']:,} clients were made in {seeding['seconds']:.0f} s.")
        measured.clients = {"small": 2 * CYCLE, "large": self.options.clients}
        cases = self.prepare_cases(small, large)
        say(f"Checking that each of {len(cases)} cases is answered with 200, for each of {CYCLE} clients")
        for case in cases:
            check(case, count=CYCLE)
        for number in range(self.options.rounds):
            say(f"Round {number + 1} of {self.options.rounds}")
            measured.rounds.append({(case.name, case.transport): measure(case, seconds=self.options.seconds) for case in cases})
        measured.restarts = self.restart(large)
        return measured

    def install(self, name: str, clients: int, database_url: str) -> tuple[Installation, dict[str, Any]]:
        say(f"Making a database with {clients:,} clients")
        return servers.install(self.directory / name, clients=clients, known=CYCLE + WARMING, database_url=database_url)

    def start(self, server: Server) -> Server:
        self.stack.callback(server.stop)
        server.start()
        return server

    def prepare_cases(self, small: Installation, large: Installation) -> list[Case]:
        workers = self.options.workers
        say("Starting the servers")
        tls = small.server("tls", is_tls=True, workers=workers)
        certificate = tls.directory / "tls" / "server.pem"
        ours = [self.start(small.server("plain", is_tls=False, workers=workers)), self.start(tls)]
        database, credentials = servers.create_toolkit_clients(self.directory / "toolkit", known=CYCLE)
        toolkit_requests = write_basic(read_credentials(credentials), self.directory / "requests" / "toolkit")
        basic, keys, tokens = self.write_requests(small, ours[0], "small")
        programs = small.create_programs(PROGRAMS)
        cases = []
        for server in ours:
            common = {"is_tls": server.is_tls, "certificate": certificate, "workers": workers}
            directory = self.directory / ("peers-tls" if server.is_tls else "peers-plain")
            peers = {
                BARE: servers.bare(directory / "bare", **common),
                TOOLKIT: servers.toolkit(directory / "toolkit", database=database, synchronous="FULL", **common),
                UNSYNCED: servers.toolkit(directory / "unsynced", database=database, synchronous="NORMAL", **common),
            }
            for peer in peers.values():
                self.start(peer)
            cases += [
                Case(BARE, peers[BARE], "/json", basic),
                Case(TOKEN, server, "/oauth2/token", basic, "POST", BODY),
                self.assertion_case(server, programs),
                self.proof_case(server, programs, basic),
                Case(JWT, server, "/gateway/demo/verify", tokens),
                Case(API_KEY, server, "/gateway/demo/verify", keys),
                Case(TOOLKIT, peers[TOOLKIT], "/o/token/", toolkit_requests, "POST", BODY),
                Case(UNSYNCED, peers[UNSYNCED], "/o/token/", toolkit_requests, "POST", BODY),
            ]
        if large is not small:
            server = self.start(large.server("plain", is_tls=False, workers=workers))
            basic, keys, _ = self.write_requests(large, server, "large")
            cases[2:2] = [Case(large_name(TOKEN), server, "/oauth2/token", basic, "POST", BODY)]
            cases[7:7] = [Case(large_name(API_KEY), server, "/gateway/demo/verify", keys)]
        return cases

    def assertion_case(self, server: Server, programs: Programs) -> Case:
        file = self.directory / "requests" / f"assertions-{server.directory.name}"
        return Case(ASSERTION, server, "/oauth2/token", file, "POST", renew=lambda count: write_lines(programs.assertions(count), file))

    def proof_case(self, server: Server, programs: Programs, basic: Path) -> Case:
        file, headers = self.directory / "requests" / f"proofs-{server.directory.name}", basic.read_text().splitlines()
        return Case(PROOF, server, "/oauth2/token", file, "POST", BODY, renew=lambda count: write_lines(programs.proofs(headers, count), file))

    def write_requests(self, installation: Installation, server: Server, name: str) -> tuple[Path, Path, Path]:
        """The files for token requests, API keys and access tokens, a line for each client."""
        credentials = read_credentials(installation.credentials)[WARMING:]
        directory = self.directory / "requests" / name
        basic = write_basic(credentials, directory / "basic")
        keys = write_lines((f"X-API-Key: {client_secret}" for _, client_secret in credentials), directory / "keys")
        tokens = (f"Authorization: Bearer {servers.fetch_token(server, line)}" for line in basic.read_text().splitlines())
        return basic, keys, write_lines(tokens if name == "small" else (), directory / "tokens")

    def restart(self, installation: Installation) -> list[dict[str, Result]]:
        """Start a process, warm it up with other clients, and compare the first use of many clients with the late use of two."""
        credentials = read_credentials(installation.credentials)
        directory = self.directory / "requests" / "restart"
        warming = write_basic(credentials[:WARMING], directory / "warming")
        first = write_basic(islice(credentials, WARMING, WARMING + FIRST_USES), directory / "first")
        late = write_basic(credentials[WARMING : WARMING + 2], directory / "late")
        server = installation.server("restarted", is_tls=False, workers=self.options.workers)
        self.stack.callback(server.stop)
        found = []
        for number in range(RESTARTS):
            say(f"Restart {number + 1} of {RESTARTS}")
            server.start()
            results = {}
            for name, requests, count in (
                (PROCESS, warming, WARMING),
                (FIRST, first, FIRST_USES),
                (SECOND, first, FIRST_USES),
                (LATER, late, 2 * USES_BEFORE),
                (LATE, late, FIRST_USES),
            ):
                case = Case(TOKEN, server, "/oauth2/token", requests, "POST", BODY)
                results[name] = send_each(case, count=count, rest=0 if name == LATER else FLUSHING)
                if results[name].errors:
                    raise BenchError(f"{results[name].errors} of {count} answers weren't 200 after a restart")
            found.append(results)
            server.stop()
        return found


def _stop(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


def main() -> int:
    options = parse_options()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    os.umask(0o077)
    begun = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="tokenos-bench-", ignore_cleanup_errors=True) as directory, ExitStack() as stack:
            measured = Bench(options, Path(directory), stack).run()
    except BenchError as error:
        say(str(error))
        return 1
    text, is_met = report.render(measured, options, seconds=time.monotonic() - begun, generator="wrk" if WRK else "its own load generator")
    sys.stdout.write(text)
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
