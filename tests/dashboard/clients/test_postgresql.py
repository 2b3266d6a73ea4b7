"""On PostgreSQL, too, the list has its orders, filters and pages, and search works."""


def test_lists_and_search_are_the_same_on_postgresql(run_on_postgresql):
    found = run_on_postgresql("tests.dashboard.clients.on_postgresql")
    assert found["noted"] == [1, 0]
    orders = found["orders"]
    assert orders["name"] == ["alpha", "Beta", "delta", "gamma"]
    assert orders["tokens"] == ["alpha", "delta", "Beta", "gamma"]
    assert orders["used"] == ["alpha", "Beta", "delta", "gamma"]
    assert orders["expires"] == ["alpha", "Beta", "gamma", "delta"]
    assert all(orders[f"-{name}"] == order[::-1] for name, order in orders.items() if not name.startswith("-"))
    assert found["statuses"] == {
        "enabled": ["Beta", "alpha", "delta", "gamma"],
        "attention": ["alpha", "delta", "gamma"],
        "rotating": ["delta"],
        "expiring": ["alpha"],
        "new-address": ["delta"],
        "refused": [],
        "unused": ["gamma"],
        "disabled": [],
    }
    assert found["text"] == ["alpha"]
    assert found["kinds"] == ["rotating", "expiring", "new-address", "unused"]
    assert found["search"] == {"k-3f9c": ["Public key k-3f9c"], "GAMMA": ["gamma"], "dlt": ["delta"], "ada@example": ["ada@example.com"]}
    assert found["suggested"] == ["alpha", "delta", "Beta"]
