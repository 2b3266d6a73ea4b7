"""A PostgreSQL and a Redis only for the tests, on free loopback ports, that can be stopped, frozen and started again."""

import itertools
import os
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

READY_WITHIN = 20

# Numbers for databases: several fixtures of a process may use the same server.
_numbers = itertools.count(1)


def missing(what: str, *, install: str) -> None:
    """Skip the test, in CI fail it: there everything must be installed."""
    sentence = f"{what} isn't installed. To run this test, {install}"
    if os.environ.get("CI"):
        pytest.fail(sentence)
    pytest.skip(sentence)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@dataclass
class PostgreSQL:
    """One server of its own. PostgreSQL refuses to run as root, so root runs it as Debian's user postgres.

    is_daemon: it outlives this process, and another one can remove it.
    """

    directory: Path
    programs: Path
    port: int
    is_daemon: bool = False
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def create(cls, port: int, *, is_daemon: bool = False) -> "PostgreSQL":
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [Path(found) for found in [shutil.which("initdb")] if found]
        if not programs:
            missing("PostgreSQL", install="apt install postgresql")
        # It isn't below pytest's temporary folder, which is closed to the user postgres.
        made = cls(Path(tempfile.mkdtemp(prefix="tokenos-postgresql-")), programs[-1].parent, port, is_daemon)
        if os.geteuid() == 0:
            shutil.chown(made.directory, "postgres", "postgres")
        made.run("initdb", "--username=tokenos", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", f"--pgdata={made.directory / 'data'}")
        made.start()
        return made

    @property
    def owner(self) -> dict[str, Any]:
        return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}

    def run(self, program: str, *arguments: str) -> None:
        done = subprocess.run([self.programs / program, *arguments], cwd=self.directory, capture_output=True, text=True, timeout=60, check=False, **self.owner)
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        # Without fsync, because only TokenOS is killed here, never the machine. The connections are enough for the servers of all tests that run at once.
        options = ["-k", str(self.directory), "-p", str(self.port), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=400"]
        if self.is_daemon:
            self.run("pg_ctl", "start", "--wait", f"--pgdata={self.directory / 'data'}", f"--log={self.directory / 'log'}", f"--options={shlex.join(options)}")
            return
        with (self.directory / "log").open("ab") as log:
            command = [self.programs / "postgres", "-D", self.directory / "data", *options]
            self.process = subprocess.Popen(command, cwd=self.directory, stdout=log, stderr=log, **self.owner)
        last = time.monotonic() + READY_WITHIN
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=2).close()
            except psycopg.OperationalError:
                assert time.monotonic() < last, (self.directory / "log").read_text()
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """At once: every connection is broken off, as by a failover."""
        if self.is_daemon:
            self.run("pg_ctl", "stop", "--wait", "--mode=fast", f"--pgdata={self.directory / 'data'}")
            return
        assert self.process is not None
        self.thaw()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)

    def create_standby(self, port: int) -> "PostgreSQL":
        """Which follows this one until it is promoted."""
        made = PostgreSQL(Path(tempfile.mkdtemp(prefix="tokenos-postgresql-")), self.programs, port)
        if os.geteuid() == 0:
            shutil.chown(made.directory, "postgres", "postgres")
        source = ("--host=127.0.0.1", f"--port={self.port}", "--username=tokenos", "--checkpoint=fast", "--no-sync")
        made.run("pg_basebackup", *source, "--write-recovery-conf", f"--pgdata={made.directory / 'data'}")
        made.start()
        return made

    def promote(self) -> None:
        self.run("pg_ctl", "promote", "--wait", f"--pgdata={self.directory / 'data'}")

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self.process is not None
        for pid in (self.process.pid, *children(self.process.pid)):
            # A session that was just ending is gone after this.
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def url(self, database: str) -> str:
        return f"postgres://tokenos@127.0.0.1:{self.port}/{database}"

    def create_database(self, template: str = "template1") -> str:
        """Returns its URL. template: the name of the database of which it is a copy."""
        name = f"tokenos_{os.getpid()}_{next(_numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as database:
            database.execute(f"CREATE DATABASE {name} TEMPLATE {template}")  # type: ignore[call-overload]
        return self.url(name)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.directory)


@dataclass
class Redis:
    directory: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        program = shutil.which("redis-server")
        if program is None:
            missing("Redis", install="apt install redis-server")
        command = [str(program), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(self.directory)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        last = time.monotonic() + READY_WITHIN
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                assert time.monotonic() < last
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def freeze(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)
