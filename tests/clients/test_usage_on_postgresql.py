"""On PostgreSQL, too, usage is written and asked for: the statements that write it are raw SQL."""


def test_usage_is_the_same_on_postgresql(run_on_postgresql):
    assert run_on_postgresql("tests.clients.usage_on_postgresql") == {
        "activity": [[6, 6, 6, 6, "2001:db8::1"]],
        "corrected": [1, 1, 0],
        "requests": ["2001:db8::1", "203.0.113.7", "None"],
        "scopes": [["read", 6, 6], ["write", 6, 6]],
        "times": [[5, 2]],
        "living": 6,
        "addresses": [["2001:db8::1", 2], ["203.0.113.7", 2]],
        "hour": 6,
        "spark": [6],
        "totals": [8, 8, 0, 24],
        "asked": [1, 1],
        "shares": [["granted", 6, 0], ["wrong_secret", 6, 0]],
        "most_used": [2, 2],
    }
