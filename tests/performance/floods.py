"""What good token requests take while strangers flood the server: beside quiet, in turns, for each flood.

python -m tests.performance.floods [--only NAME]. Starts a server of its own on this machine, with two workers and behind a trusted proxy, as which both sides
speak. Exits with 1 where p99 is over 3 times what it is when quiet, a worker's memory grows too much, or a worker was killed. docs/performance.md explains.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from tests.certificates import Authority, pem
from tests.performance.attackers import Target
from tests.performance.load import FORWARDED, read_credentials, write_basic
from tests.performance.servers import ROOT, BenchError, Installation, Server, install, run

WORKERS = 2
MAX_RATIO = 3.0
# A worker may grow by this many megabytes: waiting requests, a password's hash, and log files that are being searched.
MAX_GROWTH = 400
GOOD_CONNECTIONS = 8
# In milliseconds. Below this, a ratio shows other work of the machine, not the effect of the flood.
LEAST_P99 = 5.0
# As a share of its rate. Below this, a flood only holds connections open.
LEAST_SHARE = 0.005

# It runs beside the database: the cookies and form fields of a browser that has opened the page.
_OPEN_PAGES = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"
import django
django.setup()
import json, re
from datetime import timedelta
from allauth.usersessions.models import UserSession
from dashboard.people.session_store import digest_key
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone
from clients.models import Client
from clients.services import hand_overs
from clients.services.audit import Actor
from dashboard.models import Membership
now = timezone.now()
def open_page(browser, path):
    answer = browser.get(path, secure=True, headers={"host": "localhost"})
    fields = {name: value for name, value in re.findall(r'name="(csrfmiddlewaretoken|link)" value="([^"]*)"', answer.content.decode())}
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in browser.cookies.items())
    return {"cookie": cookie, "form": "&".join(f"{name}={value}" for name, value in fields.items())}
owner = Membership.objects.get(workspace__slug="demo", role="owner").user
client = Client.objects.earliest("pk")
Client.objects.filter(pk=client.pk).update(auth_methods=["private_key_jwt"])
client.refresh_from_db()
actor = Actor(owner.audit_name)
link = hand_overs.create_hand_over(client=client, recipient="", lifetime=timedelta(days=1), secret_lifetime=None, actor=actor, now=now)
signed_in, handed, stranger = Browser(), Browser(), Browser()
signed_in.force_login(owner)
UserSession.objects.create(user=owner, session_key=digest_key(signed_in.session.session_key), ip="127.0.0.1", user_agent="")
handed.get(reverse("hand_over", args=[link.plaintext]), secure=True, headers={"host": "localhost"})
print(json.dumps({"client_id": client.client_id, "passwords": open_page(stranger, "/accounts/sign-in/"), "keys": open_page(handed, reverse("hand_over_open")),
    "leak files": open_page(signed_in, "/w/demo/leak/")}))
"""

FLOODS = {
    "chunks": "4 connections, chunks of one octet, 1.5 MB/s",
    "trailers": "4 connections, trailers without end, 1.5 MB/s",
    "headers": "4 connections, header fields without end, 1.5 MB/s",
    "pipelined": "4 connections, tiny requests without waiting",
    "keys": "private keys with chosen primes, by a hand-over link",
    "reset": "forms of 2.6 MB for a new password",
    "reset, short": "forms of 64 KB for a new password",
    "unfinished": "100 unfinished bodies of 2.6 MB at 1 Gbit/s",
    "ipv6": "500 wrong secrets a second, each from another IPv6 /64",
    "passwords": "50 passwords a second, each from another address",
    "idle": "500 connections that say nothing",
    "half-open": "500 connections with half a head",
    "slow": "200 connections, an octet a second",
    "wrong secrets": "2,000 wrong secrets a second",
    "certificates": "8 TLS handshakes with certificates whose keys take seconds to read",
    "hellos": "600 first messages of TLS a second, each over a new connection",
    "probes": "3,000 /readyz a second, by thirty at once, on 30 connections",
    "keys to verify": "3,000 /.well-known/jwks.json a second, by thirty at once, on 30 connections",
    "leak files": "8 log files of 10 MB at once, by somebody signed in",
}
# These are against whoever opens a connection, so good requests open one each, four times less often.
FRESH = {"hellos"}


@dataclass(frozen=True)
class Phase:
    p50: float
    p99: float
    requests: int
    errors: int


@dataclass(frozen=True)
class Found:
    """quiet, flooded: one for each round. peaks: megabytes of each worker. sent: what the strangers say."""

    name: str
    quiet: list[Phase]
    flooded: list[Phase]
    peaks: list[int]
    growth: int
    sent: dict[str, Any]
    was_killed: bool

    @property
    def ratio(self) -> float:
        return median(after.p99 / max(before.p99, LEAST_P99) for before, after in zip(self.quiet, self.flooded, strict=True))

    @property
    def mistakes(self) -> list[str]:
        failed = sum(phase.errors for phase in self.flooded)
        said = [
            (self.ratio > MAX_RATIO, f"p99 is {self.ratio:.1f} times the quiet one"),
            (failed > 0, f"{failed} good requests failed"),
            (self.growth > MAX_GROWTH, f"a worker grew by {self.growth} MB"),
            (self.was_killed, "a worker was killed"),
        ]
        return [text for is_true, text in said if is_true]


class Floods:
    def __init__(self, options: argparse.Namespace, installation: Installation, server: Server, requests: Path, targets: dict[str, Target]) -> None:
        self.options = options
        self.installation = installation
        self.server = server
        self.requests = requests
        self.targets = targets

    def measure(self, name: str) -> Found:
        workers = self.server.find_workers()
        before = [read_memory(pid, "VmRSS") for pid in workers]
        for pid in workers:
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # this resets the peak
        quiet, flooded, sent = [], [], {}
        for _ in range(self.options.rounds):
            quiet.append(self.ask(is_fresh=name in FRESH))
            attack = self.attack(name)
            time.sleep(self.options.seconds / 4)
            flooded.append(self.ask(is_fresh=name in FRESH))
            sent = json.loads(attack.communicate(timeout=60)[0] or "{}")
            time.sleep(self.options.rest)
        is_same = workers == self.server.find_workers() and "WORKER TIMEOUT" not in (self.server.directory / "gunicorn.log").read_text()
        peaks = [read_memory(pid, "VmHWM") for pid in workers] if is_same else []
        growth = max((peak - rest for peak, rest in zip(peaks, before, strict=False)), default=0)
        return Found(name, quiet, flooded, peaks, growth, sent, not is_same)

    def attack(self, name: str) -> "subprocess.Popen[str]":
        seconds = self.options.seconds * 1.5
        command = [sys.executable, "-m", "tests.performance.attackers", name, str(seconds), json.dumps(asdict(self.targets[name]))]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    def ask(self, *, is_fresh: bool) -> Phase:
        """Good requests at a steady rate, from an address of their own. is_fresh: a TLS connection for each."""
        url = self.server.url.replace("http:", "https:") if is_fresh else self.server.url
        options = ["--method", "POST", "--body", "grant_type=client_credentials", "--extra", f"{FORWARDED}\r\nX-Forwarded-For: 198.51.100.1"]
        options += ["--connections", str(GOOD_CONNECTIONS), "--seconds", str(self.options.seconds), "--rate", str(self.options.rate / (4 if is_fresh else 1))]
        options += ["--fresh"] if is_fresh else []
        command = [sys.executable, "-m", "tests.performance.generator", f"{url}/oauth2/token", str(self.requests), *options]
        try:
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=self.options.seconds + 30, check=True)
        except subprocess.TimeoutExpired:
            return Phase(30_000, 30_000, 0, 1)
        found = json.loads(done.stdout)
        return Phase(found["p50"], found["p99"], found["requests"], found["errors"])


def read_memory(pid: int, field: str) -> int:
    """Megabytes."""
    return int(re.findall(rf"{field}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0]) // 1024


def prepare(directory: Path, stack: ExitStack) -> tuple[Installation, Server, Path, dict[str, Target]]:
    installation, _ = install(directory / "tokenos", clients=200, known=100)
    # The server is asked in clear text, as by a proxy, but also takes TLS at the same port, where it requests certificates.
    server = installation.server("flooded", is_tls=True, workers=WORKERS)
    server = replace(server, is_tls=False, environment=server.environment | {"TRUSTED_PROXIES": "127.0.0.1/32"})
    (server.directory / "tls" / "client-ca.pem").write_text(pem(Authority.create().certificate))
    run(["manage.py", "prepare"], server.environment)
    pages = json.loads(run(["-c", _OPEN_PAGES], server.environment))
    stack.callback(server.stop)
    server.start()
    usual = Target(server.port, client_id=pages.pop("client_id"))
    targets = {name: replace(usual, **pages.get(name, {})) for name in FLOODS}
    return installation, server, write_basic(read_credentials(installation.credentials), directory / "requests"), targets


def render(found: list[Found], options: argparse.Namespace) -> str:
    lines = ["| flood | sent | quiet: p50 | p99 | flooded: p50 | p99 | ratio | peak of a worker | |", "| :-- | :-- | --: | --: | --: | --: | --: | --: | :-- |"]
    middle: Callable[[list[float]], str] = lambda values: f"{median(values):.1f} ms"  # noqa: E731
    for one in found:
        figures = [middle([getattr(phase, name) for phase in phases]) for phases in (one.quiet, one.flooded) for name in ("p50", "p99")]
        sent = f"{one.sent.get('octets', 0) / 1e6:.1f} MB, {one.sent.get('connections', 0)} connections"
        sent += "".join(f", {number} × {status}" for status, number in sorted(one.sent.get("answers", {}).items()))
        share = one.sent.get("share", 0)
        sent += f", {share:.0%} of its rate" if share >= LEAST_SHARE else ""
        cells = [f"{one.name}: {FLOODS[one.name]}", sent, *figures, f"{one.ratio:.1f} ×", f"{max(one.peaks, default=0)} MB", "; ".join(one.mistakes) or "met"]
        lines.append(f"| {' | '.join(cells)} |")
    load = f"{options.rate:.0f} good requests a second on {GOOD_CONNECTIONS} connections"
    load += f"; {options.rounds} rounds of {options.seconds:.0f} s quiet and flooded in turns; medians."
    facts = f"{load} {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end; the flood's own process is on the same cores, at nice 19."
    return "\n".join([*lines, "", facts, ""])


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.performance.floods", description=__doc__)
    parser.add_argument("--only", choices=FLOODS, action="append", help="one flood; may be given several times")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5, help="of good requests, quiet and flooded")
    parser.add_argument("--rate", type=float, default=100, help="good requests a second")
    parser.add_argument("--smoke", action="store_true", help="one short round, to see that all works: figures don't count")
    options = parser.parse_args()
    options.rounds, options.seconds, options.rest = min(max(options.rounds, 1), 20), min(max(options.seconds, 0.5), 30), 1.0
    if options.smoke:
        options.rounds, options.seconds, options.rest = 1, 0.5, 0
    return options


def main() -> int:
    options = parse_options()
    os.umask(0o077)
    found = []
    try:
        with tempfile.TemporaryDirectory(prefix="tokenos-floods-", ignore_cleanup_errors=True) as directory, ExitStack() as stack:
            floods = Floods(options, *prepare(Path(directory), stack))
            for name in options.only or FLOODS:
                found.append(floods.measure(name))
                one = found[-1]
                sys.stderr.write(f"{name}: {one.ratio:.1f} ×, {max(one.peaks, default=0)} MB, {one.sent} {'; '.join(one.mistakes) or 'met'}\n")
    except BenchError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(render(found, options))
    return int(any(one.was_killed if options.smoke else one.mistakes for one in found))


if __name__ == "__main__":
    sys.exit(main())
