"""On PostgreSQL, too, an owner and an administrator always remain, an invitation is used once, and clients are found by scope, audience and method."""


def test_of_two_people_at_once_one_comes_first(run_on_postgresql):
    assert run_on_postgresql("tests.dashboard.members.at_once") == {
        "owners": [1],
        "accounts": [1],
        "invited": [1],
        "holders": [1],
        "both": [False],
        "administrators": [1],
    }


def test_clients_are_found_by_what_their_lists_hold(run_on_postgresql):
    assert run_on_postgresql("tests.clients.lists_on_postgresql") == {
        "read": ["reader", "writer"],
        "write": ["writer"],
        "audience": ["reader"],
        "post": ["reader", "writer"],
    }
