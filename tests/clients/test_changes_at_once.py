"""Whatever people change of one client at the same moment waits for its turn: nothing fails because two ask for the same rows in another order."""


def test_changes_of_a_client_in_use_wait_for_one_another_on_postgresql(run_on_postgresql):
    assert run_on_postgresql("tests.clients.changes_at_once") == {"wrong": {}, "said": []}
