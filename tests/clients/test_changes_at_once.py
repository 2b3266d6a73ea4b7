"""Whatever people change of one client at the same moment waits for its turn: nothing fails because two ask for the same rows in another order."""

from tests.dashboard.members.test_postgresql import run
from tests.servers import conftest as servers

postgresql = servers.postgresql


def test_changes_of_a_client_in_use_wait_for_one_another_on_postgresql(postgresql, tmp_path):
    assert run("tests.clients.changes_at_once", postgresql.create_database(), tmp_path) == {"wrong": {}, "said": []}
