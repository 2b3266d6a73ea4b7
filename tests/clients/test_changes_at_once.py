"""Simultaneous changes to one client take turns: nothing fails because two of them lock the same rows in different orders."""


def test_changes_of_a_client_in_use_wait_for_one_another_on_postgresql(run_on_postgresql):
    assert run_on_postgresql("tests.clients.changes_at_once") == {"wrong": {}, "said": []}
