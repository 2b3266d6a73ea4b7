"""PostgreSQL for tests of code that works differently there than on SQLite: one server for all processes of a run, and databases that are copied instead of
migrated.
"""

import json
import shutil
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
def make_tables(postgresql: PostgreSQL, whole_tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    """A function that makes a database with all tables, which are empty, and returns its URL. What the migrations make is kept beside whole_tables."""

    def make() -> dict[str, str]:
        url, dump = postgresql.create_database(), postgresql.directory / "tables.sql"
        kept, unfinished = whole_tables.with_suffix(f".{postgresql.programs.parent.name}.sql"), whole_tables.with_suffix(".sql.unfinished")
        if kept.exists():
            shutil.copy(kept, dump)
            postgresql.run("psql", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={dump}", url)
        else:
            assert Shell(tmp_path_factory.mktemp("tables"))("migrate", "-v0", DATABASE_URL=url).returncode == 0
            postgresql.run("pg_dump", f"--file={dump}", url)
            shutil.copy(dump, unfinished)
            unfinished.chmod(0o644)
            unfinished.rename(kept)
        return {"url": url}

    # It is named by the server's port: if all processes had left the first server, there is another one.
    template = make_once(run_folder(tmp_path_factory), f"tables-{postgresql.port}", make)["url"].rpartition("/")[2]
    return lambda: postgresql.create_database(template)


@pytest.fixture
def run_on_postgresql(make_tables: Callable[[], str], tmp_path: Path) -> Callable[..., Any]:
    """A function that runs a module of the tests on a separate database, and returns its output."""

    def run(program: str, *, timeout: int = 60) -> Any:
        outcome = Shell(tmp_path)("shell", "-v0", "-c", f"import tests.cheap_hashes, {program}", timeout=timeout, DATABASE_URL=make_tables())
        assert outcome.returncode == 0, outcome.stderr.decode()
        return json.loads(outcome.stdout)

    return run
