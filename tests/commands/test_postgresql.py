"""The commands on PostgreSQL: where locks, sequences and types differ from SQLite's."""

import json

import pytest

from tests.commands.conftest import Shell, at_once


@pytest.fixture
def url(postgresql):
    return postgresql.create_database()


@pytest.fixture(scope="module")
def migrated(make_tables, tmp_path_factory):
    url, shell = make_tables(), Shell(tmp_path_factory.mktemp("migrated"))
    assert shell("create_workspace", "demo", DATABASE_URL=url).returncode == 0
    return url


# On SQLite, test_prepare has it, and the test below this one has the lock that nodes wait for.
@pytest.mark.slow
def test_two_nodes_that_start_for_the_first_time_at_once_make_one_of_everything(url, tmp_path):
    nodes = [Shell(tmp_path / name) for name in "ab"]
    for node in nodes:
        node.data_dir.mkdir()
    outcomes = at_once(2, lambda number: nodes[number]("prepare", "--json", DATABASE_URL=url))
    done = sorted((_json(outcome)["done"] for outcome in outcomes), key=len)
    # Each node has static files and credentials of its own.
    assert [step.split()[0] for step in done[0]] == ["Collected", "Wrote"]
    assert len(done[1]) == 5
    assert all((node.data_dir / "demo-client.curl").is_file() for node in nodes)


def test_a_migration_may_take_longer_than_any_other_statement_and_other_nodes_wait_for_it(run_on_postgresql):
    assert run_on_postgresql("tests.commands.slow_migration") >= "0007"


def test_bulk_and_single_clients_take_turns(run_on_postgresql):
    found = run_on_postgresql("tests.commands.bulk_and_single")
    assert found["seeded"] == [20, 20]
    assert found["rotated_of_the_seeded"] == found["known"]
    assert found["previous_of_the_single"] == [found["secret_of_the_single"]]


def test_unmigrated_database_prints_one_line(url, shell):
    outcome = shell("create_workspace", "acme", DATABASE_URL=url)
    assert (outcome.returncode, outcome.stdout) == (1, b"")
    assert outcome.stderr.decode().count("\n") == 1
    assert "Run “make setup”." in outcome.stderr.decode()


def test_same_workspace_at_once_is_made_once(migrated, shell):
    outcomes = at_once(2, lambda _: shell("create_workspace", "acme", DATABASE_URL=migrated))
    assert sorted((outcome.returncode, outcome.stderr.count(b"\n")) for outcome in outcomes) == [(0, 0), (1, 1)]


def _json(outcome):
    assert (outcome.returncode, outcome.stderr) == (0, b"")
    return json.loads(outcome.stdout)
