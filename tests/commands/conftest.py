"""Running a command as the shell does, and holding it to what every command promises."""

import io
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.core.management import get_commands, load_command_class
from django.db import connection, connections

from tests import factories
from tests.servers.nursery import may_be_forked, nursery

# The least that create_client takes.
MINIMAL = ("create_client", "--workspace", "demo", "--name", "billing-sync")


@dataclass(frozen=True)
class Outcome:
    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> dict[str, Any]:
        """Exactly one JSON object and nothing else."""
        assert (self.status, self.stderr) == (0, "")
        value = json.loads(self.stdout)
        assert isinstance(value, dict)
        return value


ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Shell:
    """manage.py in a process and a DATA_DIR of its own."""

    data_dir: Path

    def start(self, *arguments, stdout=subprocess.PIPE, **environment) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            cwd=self.data_dir,
            env={**os.environ, "DATA_DIR": str(self.data_dir), **environment},
            stdout=stdout,
            stderr=subprocess.PIPE,
        )

    def __call__(self, *arguments, timeout=60, **options) -> subprocess.CompletedProcess[bytes]:
        environment = {**os.environ, "DATA_DIR": str(self.data_dir), **options}
        if may_be_forked(environment) and all(isinstance(text, str) for text in (*arguments, *environment.values())):
            return nursery().run(str(ROOT / "manage.py"), *arguments, environment=environment, cwd=self.data_dir, timeout=timeout)
        process = self.start(*arguments, **options)
        stdout, stderr = process.communicate(timeout=timeout)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def at_once(number, run):
    """The results of run(0), run(1) and so on, in threads."""
    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(run, range(number)))


@pytest.fixture
def shell(tmp_path):
    return Shell(tmp_path)


@pytest.fixture(scope="session")
def prepared_database(whole_tables, tmp_path_factory):
    shell = Shell(tmp_path_factory.mktemp("prepared"))
    shutil.copy(whole_tables, shell.data_dir / "tokenos.sqlite3")
    assert shell("create_workspace", "demo").returncode == 0
    return shell.data_dir / "tokenos.sqlite3"


@pytest.fixture
def prepared(prepared_database, tmp_path):
    """A DATA_DIR for the shell, with the workspace demo."""
    shutil.copy(prepared_database, tmp_path)
    return tmp_path


def run_command(name, *arguments) -> Outcome:
    """manage.py NAME in this process."""
    stdout, stderr = io.StringIO(), io.StringIO()
    command = load_command_class(get_commands()[name], name)
    command.stdout._out, command.stderr._out = stdout, stderr
    # A test's own transaction has to stay open, and never commits.
    connection.run_on_commit.clear()
    with patch.object(connections, "close_all") if connection.in_atomic_block else nullcontext():
        try:
            command.run_from_argv(["manage.py", name, *arguments])
        except SystemExit as error:
            return Outcome(error.code, stdout.getvalue(), stderr.getvalue())
        for _, act, _ in connection.run_on_commit if connection.in_atomic_block else ():
            act()
    return Outcome(0, stdout.getvalue(), stderr.getvalue())


@pytest.fixture
def command(db):
    return run_command


def _rows():
    with connection.cursor() as cursor:
        return [(table, cursor.execute(f'SELECT * FROM "{table}" ORDER BY 1').fetchall()) for table in connection.introspection.django_table_names()]


@pytest.fixture
def refused(command):
    """Run a command that must fail with one line, exit status 1 and no trace in the database. Return the line."""

    def run(*arguments):
        before = _rows()
        outcome = command(*arguments)
        assert outcome.status == 1
        assert outcome.stdout == ""
        assert outcome.stderr.endswith("\n")
        assert outcome.stderr.count("\n") == 1
        assert _rows() == before
        return outcome.stderr.strip()

    return run


@pytest.fixture
def demo(command):
    return factories.create_workspace("demo", owner="ada@example.com")


@pytest.fixture
def billing(demo):
    return factories.create_client(demo)
