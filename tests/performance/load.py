"""One measurement: sends a case's requests to its server from a separate process, by wrk if it is installed."""

import base64
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.performance.servers import ROOT, BenchError, Server

CONNECTIONS = 16
# More than a server here can answer, for cases in which each request needs a separate line.
MAX_PER_SECOND = 15_000
WRK = shutil.which("wrk")
FORWARDED = "X-Forwarded-Proto: https"


@dataclass(frozen=True)
class Case:
    """requests: a file with a line for each, by which they differ. renew: rewrites the file with that many lines, if each works for one request only."""

    name: str
    server: Server
    path: str
    requests: Path
    method: str = "GET"
    body: str = ""
    renew: Callable[[int], object] | None = None

    @property
    def transport(self) -> str:
        return "TLS" if self.server.is_tls else "plain"

    @property
    def url(self) -> str:
        return self.server.url + self.path


@dataclass(frozen=True)
class Result:
    """p50, p99: milliseconds. cpu: microseconds of the workers for one request."""

    requests: int
    rate: float
    p50: float
    p99: float
    cpu: float
    errors: int


def write_basic(credentials: Iterable[tuple[str, str]], file: Path) -> Path:
    lines = (base64.b64encode(f"{client_id}:{client_secret}".encode()).decode() for client_id, client_secret in credentials)
    return write_lines((f"Authorization: Basic {line}" for line in lines), file)


def write_lines(lines: Iterable[str], file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


def read_credentials(file: Path) -> list[tuple[str, str]]:
    pairs = [line.split("\t") for line in file.read_text().splitlines()]
    return [(client_id, client_secret) for client_id, client_secret in pairs]


def measure(case: Case, *, seconds: float) -> Result:
    if case.renew:
        case.renew(int(MAX_PER_SECOND * seconds))
    return _measure(case, _wrk(case, seconds) if WRK else _generator(case, ["--seconds", str(seconds)]), seconds + 30)


def send_each(case: Case, *, count: int, rest: float = 0) -> Result:
    """Send exactly count requests, the lines of the file in turn. rest: seconds after them in which the server's CPU time still counts."""
    if case.renew:
        case.renew(count)
    return _measure(case, _generator(case, ["--count", str(count)]), 60, rest)


def check(case: Case, *, count: int) -> None:
    """Send each of the requests once, unmeasured. Raise BenchError where an answer isn't 200."""
    refused = send_each(case, count=count).errors
    if refused:
        raise BenchError(f"{refused} of {count} answers weren't 200: {case.name}, {case.transport}")


def _wrk(case: Case, seconds: float) -> list[str]:
    assert WRK is not None
    script = str(Path(__file__).with_name("wrk.lua"))
    options = ["--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{seconds:.0f}s", "--timeout", "10s", "--latency", "--script", script]
    return [WRK, *options, case.url, "--", str(case.requests), case.method, case.body, FORWARDED]


def _generator(case: Case, options: list[str]) -> list[str]:
    arguments = [case.url, str(case.requests), "--method", case.method, "--body", case.body, "--extra", FORWARDED, "--connections", str(CONNECTIONS)]
    return [sys.executable, "-m", "tests.performance.generator", *arguments, *options]


def _measure(case: Case, command: list[str], timeout: float, rest: float = 0) -> Result:
    before = case.server.cpu_seconds()
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        raise BenchError(f"The load generator didn't end: {case.name}, {case.transport}") from None
    time.sleep(rest)
    cpu = case.server.cpu_seconds() - before
    if done.returncode:
        raise BenchError(f"The load generator failed: {done.stderr[-1000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    count = int(found["requests"])
    if not count:
        raise BenchError(f"Nothing was answered: {case.name}, {case.transport}")
    return Result(count, count / found["seconds"], found["p50"], found["p99"], cpu / count * 1e6, int(found["errors"]))
