"""The compared servers: starts them on free ports of 127.0.0.1 with separate files, reads the CPU time of their workers, and stops them."""

import http.client
import json
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.performance.assertions import Programs
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
STARTING_SECONDS = 60
SEEDING_SECONDS = 600


class BenchError(Exception):
    """Something didn't run as it must, so that a figure would mean nothing."""


def run(arguments: list[str], environment: dict[str, str]) -> str:
    """Return what a Python command printed."""
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SEEDING_SECONDS, check=False)
    if done.returncode:
        raise BenchError(f"{' '.join(arguments)} failed: {done.stderr[-2000:]}")
    return done.stdout


def _usual_environment(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}


@dataclass
class Server:
    """A gunicorn master and its workers."""

    directory: Path
    is_tls: bool
    workers: int
    command: list[str]
    environment: dict[str, str] = field(repr=False)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self.is_tls else 'http'}://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / "gunicorn.log").open("ab") as log:
            arguments = [argument.replace("PORT", str(self.port)) for argument in self.command]
            environment = self.environment | {"PORT": str(self.port)}
            self.process = subprocess.Popen([sys.executable, "-m", "gunicorn", *arguments], cwd=ROOT, env=environment, stdout=log, stderr=log)
        ends_at = time.monotonic() + STARTING_SECONDS
        while not self._is_ready():
            if self.process.poll() is not None or time.monotonic() > ends_at:
                raise BenchError(f"A server didn't start: {(self.directory / 'gunicorn.log').read_text()[-2000:]}")
            time.sleep(0.1)

    def _is_ready(self) -> bool:
        """Every worker is there and, as its CPU time stands still, has imported the application. No request is sent: the process stays untouched."""
        try:
            if len(self.find_workers()) < self.workers:
                return False
            before = self.cpu_seconds()
            time.sleep(0.3)
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
            return self.cpu_seconds() - before < 0.03
        except OSError:
            return False

    def find_workers(self) -> list[int]:
        assert self.process is not None
        return [int(pid) for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()]

    def cpu_seconds(self) -> float:
        """User and system time of all threads of all workers: what utime and stime of /proc/PID/stat are, but in nanoseconds instead of ticks of 10 ms."""
        return sum(time.clock_gettime(~pid << 3 | 2) for pid in self.find_workers())

    def request(self, method: str, path: str, headers: dict[str, str] | None = None, body: str = "") -> tuple[int, dict[str, str], bytes]:
        context = ssl._create_unverified_context()  # our own server on loopback
        connection = (
            http.client.HTTPSConnection("127.0.0.1", self.port, timeout=10, context=context)
            if self.is_tls
            else http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        )
        try:
            connection.request(method, path, body or None, headers or {})
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            for pid in self.find_workers():
                os.kill(pid, signal.SIGKILL)
            self.process.kill()
            self.process.wait(10)


@dataclass(frozen=True)
class Installation:
    """One database of ours with its keys, which several servers may share."""

    directory: Path
    environment: dict[str, str] = field(repr=False)

    @property
    def credentials(self) -> Path:
        return self.directory / "credentials"

    def create_programs(self, count: int) -> Programs:
        file = self.directory / "programs"
        run(["-m", "tests.performance.assertions", str(count), str(file)], self.environment)
        return Programs(file, self.environment["ISSUER_URL"])

    def server(self, name: str, *, is_tls: bool, workers: int) -> Server:
        """With the product's own configuration; over plain HTTP it is told that a proxy on this machine is trusted."""
        data_dir = self.directory / name
        environment = self.environment | {
            "DATA_DIR": str(data_dir),
            "TLS": "on" if is_tls else "off",
            "TRUSTED_PROXIES": "" if is_tls else "127.0.0.1/32",
            "WEB_CONCURRENCY": str(workers),
        }
        run(["-m", "dashboard.instance.bootstrap"], environment)
        return Server(data_dir, is_tls, workers, ["-c", "dashboard/gunicorn.py"], environment)


def install(directory: Path, *, clients: int, known: int, database_url: str = "", usage_days: int = 0) -> tuple[Installation, dict[str, Any]]:
    """A database with that many clients, whose known last ones stand in the file credentials. Return it and what seed_benchmark says."""
    directory.mkdir(parents=True)
    environment = _usual_environment(directory) | {
        **dict.fromkeys(("ALLOWED_HOSTS", "CACHE_URL", "EMAIL_URL", "METRICS_ALLOWED", "TRUSTED_PROXIES", "DATA_DIR"), ""),
        "HOST": "127.0.0.1",
        "ISSUER_URL": "https://localhost:8443",
        "DATABASE_URL": database_url or f"sqlite:///{directory}/tokenos.sqlite3",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "KEY_ENCRYPTION_KEYS": secrets.token_urlsafe(48),
        "DATA_DIR": str(directory / "prepare"),
    }
    installation = Installation(directory, environment)
    run(["-m", "dashboard.instance.bootstrap"], environment)
    run(["manage.py", "prepare"], environment)
    arguments = ["--workspace", "demo", "--clients", str(clients), "--known", str(known), "--credentials", str(installation.credentials), "--json"]
    arguments += ["--usage-days", str(usage_days)] if usage_days else []
    return installation, json.loads(run(["manage.py", "seed_benchmark", *arguments], environment))


def fetch_token(server: Server, header: str) -> str:
    name, _, value = header.partition(": ")
    headers = {name: value, "X-Forwarded-Proto": "https", "Content-Type": "application/x-www-form-urlencoded"}
    status, _, body = server.request("POST", "/oauth2/token", headers, "grant_type=client_credentials")
    if status != 200:
        raise BenchError(f"A token request was answered with {status}: {body.decode(errors='replace')[:500]}")
    return str(json.loads(body)["access_token"])


def bare(directory: Path, *, is_tls: bool, certificate: Path, workers: int) -> Server:
    return _stock(directory, "tests.performance.peers.bare:application", _usual_environment(directory), is_tls=is_tls, certificate=certificate, workers=workers)


def toolkit(directory: Path, *, is_tls: bool, certificate: Path, workers: int, database: Path, synchronous: str) -> Server:
    environment = _toolkit_environment(directory, database, synchronous)
    return _stock(directory, "tests.performance.peers.toolkit:application", environment, is_tls=is_tls, certificate=certificate, workers=workers)


def create_toolkit_clients(directory: Path, *, known: int) -> tuple[Path, Path]:
    """Return the database and the file of credentials."""
    directory.mkdir(parents=True)
    database, credentials = directory / "toolkit.sqlite3", directory / "credentials"
    run(["-m", "tests.performance.peers.toolkit", str(known), str(credentials)], _toolkit_environment(directory, database, "NORMAL"))
    return database, credentials


def _toolkit_environment(directory: Path, database: Path, synchronous: str) -> dict[str, str]:
    return _usual_environment(directory) | {"BENCH_DATABASE": str(database), "BENCH_SYNCHRONOUS": synchronous}


def _stock(directory: Path, application: str, environment: dict[str, str], *, is_tls: bool, certificate: Path, workers: int) -> Server:
    """gunicorn as it comes, with the thread worker that its documentation recommends for Django and keep-alive."""
    command = ["--worker-class", "gthread", "--threads", "4", "--workers", str(workers), "--bind", "127.0.0.1:PORT", "--no-control-socket", application]
    if is_tls:
        command += ["--certfile", str(certificate), "--keyfile", str(certificate)]
    return Server(directory, is_tls, workers, command, environment)
