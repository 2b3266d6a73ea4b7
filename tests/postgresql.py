"""PostgreSQL for tests of code that works differently there than on SQLite: one server for all processes of a run, and databases that are copied instead of
migrated.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commands.conftest import Shell
from tests.ports import free_port
from tests.servers.shared import make_once, run_folder, shared
from tests.servers.stores import PostgreSQL


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    """One server for all tests that leave it running, in all processes."""

    def make() -> dict[str, str]:
        made = PostgreSQL.create(free_port(), is_daemon=True)
        return {"directory": str(made.directory), "programs": str(made.programs), "port": str(made.port)}

    def find(made: dict[str, str]) -> PostgreSQL:
        return PostgreSQL(Path(made["directory"]), Path(made["programs"]), int(made["port"]), is_daemon=True)

    with shared(run_folder(tmp_path_factory), "postgresql", make=make, remove=lambda made: find(made).remove()) as made:
        yield find(made)


@pytest.fixture(scope="session")
def make_tables(postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    """A function that makes a database with all tables, which are empty, and returns its URL."""

    def make() -> dict[str, str]:
        url = postgresql.create_database()
        assert Shell(tmp_path_factory.mktemp("tables"))("migrate", "-v0", DATABASE_URL=url).returncode == 0
        return {"url": url}

    # It is named by the server's port: if all processes had left the first server, there is another one.
    template = make_once(run_folder(tmp_path_factory), f"tables-{postgresql.port}", make)["url"].rpartition("/")[2]
    return lambda: postgresql.create_database(template)


@pytest.fixture
def run_on_postgresql(make_tables: Callable[[], str], tmp_path: Path) -> Callable[..., Any]:
    """A function that runs a module of the tests on a separate database, and returns its output."""

    def run(program: str, *, timeout: int = 60) -> Any:
        outcome = Shell(tmp_path)("shell", "-v0", "-c", f"import {program}", timeout=timeout, DATABASE_URL=make_tables())
        assert outcome.returncode == 0, outcome.stderr.decode()
        return json.loads(outcome.stdout)

    return run
