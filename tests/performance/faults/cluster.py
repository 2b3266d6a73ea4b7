"""PostgreSQL with a standby, led by Patroni and etcd, and a PgBouncer, all on loopback with separate files.

The standby is synchronous: otherwise a failover may lose acknowledged changes. In failsafe mode a primary goes on without etcd as long as it reaches its
standby.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests.performance.faults.processes import find_tree, is_alive, signal_all
from tests.performance.servers import BenchError
from tests.ports import free_port

# Seconds after which a silent leader has lost its place; Patroni accepts no less.
TTL = 20
STARTING_SECONDS = 90
# A primary that was frozen and stops as Patroni tells it may take a minute, and the copy after it another.
REPAIRING_SECONDS = 240
MEMBERS = 2


def wait_for(what: str, condition: Callable[[], bool], *, seconds: float) -> None:
    ends_at = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > ends_at:
            raise BenchError(f"{what} didn't come about within {seconds:g} s.")
        time.sleep(0.05)


def as_postgres() -> dict[str, Any]:
    """PostgreSQL and PgBouncer refuse to run as root."""
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}


def make_folder(name: str) -> Path:
    """Not below the command's own, which is closed to the user postgres."""
    folder = Path(tempfile.mkdtemp(prefix=f"tokenos-{name}-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    return folder


def find_programs() -> Path:
    """Of PostgreSQL, the newest that is installed."""
    return sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))[-1].parent


@dataclass
class Member:
    """One Patroni with its PostgreSQL."""

    name: str
    folder: Path
    etcd: int
    port: int = field(default_factory=free_port)
    api: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def configure(self) -> None:
        content = {
            "scope": "tokenos",
            "name": self.name,
            "restapi": {"listen": f"127.0.0.1:{self.api}", "connect_address": f"127.0.0.1:{self.api}"},
            "etcd3": {"host": f"127.0.0.1:{self.etcd}"},
            "bootstrap": {
                "dcs": {
                    "ttl": TTL,
                    "loop_wait": 1,
                    "retry_timeout": 3,
                    "synchronous_mode": True,
                    "failsafe_mode": True,
                    "primary_start_timeout": 0,
                    "postgresql": {"use_pg_rewind": True, "parameters": {"wal_log_hints": "on", "wal_sender_timeout": "3s", "max_connections": 100}},
                },
                "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "no-sync"],
            },
            "postgresql": {
                "listen": f"127.0.0.1:{self.port}",
                "connect_address": f"127.0.0.1:{self.port}",
                "data_dir": str(self.folder / "data"),
                "bin_dir": str(find_programs()),
                "pgpass": str(self.folder / "pgpass"),
                "authentication": {"superuser": {"username": "postgres", "password": "unused"}, "replication": {"username": "copier", "password": "unused"}},
                # Without fsync, because only processes are killed here, never the machine.
                "parameters": {"unix_socket_directories": str(self.folder), "fsync": "off"},
                "pg_hba": ["local all all trust", "host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"],
                "remove_data_directory_on_rewind_failure": True,
                "remove_data_directory_on_diverged_timelines": True,
            },
        }
        # JSON is YAML.
        (self.folder / "patroni.yml").write_text(json.dumps(content))

    def start(self) -> None:
        with (self.folder / "patroni.log").open("ab") as log:
            command = ["patroni", str(self.folder / "patroni.yml")]
            environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(self.folder)}
            self.process = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=log, **as_postgres())

    def pids(self) -> list[int]:
        """Of Patroni and PostgreSQL, which outlives a Patroni that was killed."""
        assert self.process is not None
        found = find_tree(self.process.pid)
        pid_file = self.folder / "data" / "postmaster.pid"
        if pid_file.exists():
            found += [pid for pid in find_tree(int(pid_file.read_text().split()[0])) if pid not in found]
        return [pid for pid in found if is_alive(pid)]

    def kill(self) -> None:
        assert self.process is not None
        signal_all(self.pids(), signal.SIGKILL)
        self.process.wait(10)

    def end_patroni(self) -> None:
        """Its PostgreSQL stays."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def is_primary(self) -> bool:
        return self._answers("primary")

    def is_streaming(self) -> bool:
        """As the synchronous standby, without which a failover finds nobody to promote."""
        return self._answers("synchronous")

    def _answers(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.api}/{path}", timeout=1):
                return True
        except (OSError, urllib.error.HTTPError):
            return False

    def takes_writes(self) -> bool:
        """What its PostgreSQL says itself, which is sooner than what Patroni knows."""
        try:
            with psycopg.connect(host="127.0.0.1", port=self.port, user="postgres", dbname="postgres", connect_timeout=1) as database:
                return database.execute("SELECT NOT pg_is_in_recovery()").fetchone() == (True,)
        except psycopg.Error:
            return False


@dataclass
class Cluster:
    folder: Path
    etcd: int = field(default_factory=free_port)
    peer: int = field(default_factory=free_port)
    members: list[Member] = field(default_factory=list)
    etcd_process: subprocess.Popen[bytes] | None = None

    @classmethod
    def create(cls) -> "Cluster":
        made = cls(make_folder("patroni"))
        made.start_etcd()
        for number in range(MEMBERS):
            folder = made.folder / f"member{number}"
            folder.mkdir(mode=0o700)
            if os.geteuid() == 0:
                shutil.chown(folder, "postgres", "postgres")
            made.members.append(Member(folder.name, folder, made.etcd))
            made.members[-1].configure()
        return made

    def start_etcd(self) -> None:
        client, peer = (f"http://127.0.0.1:{port}" for port in (self.etcd, self.peer))
        arguments = [
            *("--data-dir", str(self.folder / "etcd"), "--listen-client-urls", client, "--advertise-client-urls", client),
            *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}"),
        ]
        with (self.folder / "etcd.log").open("ab") as log:
            self.etcd_process = subprocess.Popen(["etcd", *arguments], cwd=self.folder, stdout=log, stderr=log, **as_postgres())

    def start(self) -> None:
        self.members[0].start()
        wait_for("A primary", self.members[0].is_primary, seconds=STARTING_SECONDS)
        self.members[1].start()
        self.wait_until_whole()
        with psycopg.connect(host="127.0.0.1", port=self.members[0].port, user="postgres", dbname="postgres", autocommit=True) as database:
            database.execute("CREATE DATABASE tokenos")

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{member.port}" for member in self.members)
        return f"postgres://postgres@{hosts}/tokenos?target_session_attrs=read-write"

    @property
    def primary(self) -> Member:
        return next(member for member in self.members if member.is_primary())

    @property
    def standby(self) -> Member:
        return next(member for member in self.members if not member.is_primary())

    def wait_until_whole(self) -> None:
        """A primary, and a standby that has all of it."""
        wait_for(
            "A standby",
            lambda: sum(member.is_primary() for member in self.members) == 1 and any(member.is_streaming() for member in self.members),
            seconds=REPAIRING_SECONDS,
        )

    def remove(self) -> None:
        for member in self.members:
            if member.process is not None:
                signal_all(member.pids(), signal.SIGCONT)
                member.kill()
        if self.etcd_process is not None:
            signal_all([self.etcd_process.pid], signal.SIGCONT)
            self.etcd_process.kill()
            self.etcd_process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass
class PgBouncer:
    """In front of a PostgreSQL of tests.servers.stores."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def create(cls, *, port_of_postgresql: int, database: str) -> "PgBouncer":
        made = cls(make_folder("pgbouncer"), free_port())
        (made.folder / "users").write_text('"tokenos" ""\n')
        (made.folder / "pgbouncer.ini").write_text(
            f"[databases]\n{database} = host=127.0.0.1 port={port_of_postgresql}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {made.port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {made.folder}/users\n"
            "pool_mode = session\nignore_startup_parameters = options\nserver_login_retry = 1\ndefault_pool_size = 60\nmax_client_conn = 200\n"
        )
        return made

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
            assert program is not None
            self.process = subprocess.Popen([program, str(self.folder / "pgbouncer.ini")], cwd=self.folder, stdout=log, stderr=log, **as_postgres())

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def remove(self) -> None:
        if self.process is not None:
            signal_all([self.process.pid], signal.SIGCONT)
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
