"""On PostgreSQL as well an owner always remains, an invitation is used once, and clients are found by scope, audience and method."""

import json

import pytest

from tests.commands.conftest import Shell
from tests.servers import conftest as servers

postgresql = servers.postgresql


@pytest.fixture
def url(postgresql):
    return postgresql.create_database()


def run(program, url, folder):
    """What a program of tests printed, on a new database."""
    shell = Shell(folder)
    assert shell("migrate", "-v0", DATABASE_URL=url).returncode == 0
    outcome = shell("shell", "-v0", "-c", f"import {program}", DATABASE_URL=url)
    assert outcome.returncode == 0, outcome.stderr.decode()
    return json.loads(outcome.stdout)


def test_of_two_people_at_once_one_comes_first(url, tmp_path):
    assert run("tests.dashboard.members.at_once", url, tmp_path) == {"owners": [1], "accounts": [1], "invited": [1], "holders": [1]}


def test_clients_are_found_by_what_their_lists_hold(url, tmp_path):
    assert run("tests.clients.lists_on_postgresql", url, tmp_path) == {
        "read": ["reader", "writer"],
        "write": ["writer"],
        "audience": ["reader"],
        "post": ["reader", "writer"],
    }
