"""On PostgreSQL as well an owner always remains, and an invitation is used once."""

import json

import pytest

from tests.commands.conftest import Shell
from tests.servers.conftest import free_port
from tests.servers.stores import PostgreSQL


@pytest.fixture
def url():
    server = PostgreSQL.create(free_port())
    yield server.create_database()
    server.remove()


def test_of_two_people_at_once_one_comes_first(url, tmp_path):
    shell = Shell(tmp_path)
    assert shell("migrate", "-v0", DATABASE_URL=url).returncode == 0
    outcome = shell("shell", "-v0", "-c", "import tests.dashboard.members.at_once", DATABASE_URL=url)
    assert outcome.returncode == 0, outcome.stderr.decode()
    assert json.loads(outcome.stdout) == {"owners": [1], "accounts": [1], "invited": [1], "holders": [1]}
