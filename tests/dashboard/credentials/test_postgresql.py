"""On PostgreSQL, too, one form makes one secret, and credentials are queried and changed as on SQLite."""


def test_of_two_simultaneous_forms_one_makes_a_secret(run_on_postgresql):
    assert run_on_postgresql("tests.dashboard.credentials.at_once") == {
        "outcomes": ["made", "spent"],
        "secrets": 2,
        "due": True,
        "impact": [3, ["198.51.100.7"], 1],
        "events": ["secret.created", "secret.rotated", "secret.extended", "secret.ended", "public_key.added", "secret.revoked"],
    }


def test_who_was_removed_owns_no_client_under_whatever_address(run_on_postgresql):
    assert run_on_postgresql("tests.dashboard.credentials.removed_owner") == [["Mia_1@example.com"], [], []]


def test_who_is_concerned_is_told(run_on_postgresql):
    assert run_on_postgresql("tests.dashboard.credentials.told") == {
        "answers": [200, 302],
        "told": [
            [["ada@example.com"], "A new owner: Demo"],
            [["dana@example.com"], "A new owner: Demo"],
            [["mia@example.com"], "A secret was added: billing-sync"],
            [["mia@example.com"], "You are now an owner in Demo"],
        ],
    }
