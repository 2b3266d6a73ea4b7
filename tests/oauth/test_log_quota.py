"""How many lines of one kind the log gets: some about each sender, and of all together not more than somebody reads."""

from oauth.log_quota import LogQuota


def test_lines_that_are_left_out_are_counted_in_the_next_one():
    quota = LogQuota(seconds=60, lines=50, of_one=5)
    assert [quota.spend("192.0.2.1", 0.0) for _ in range(7)] == [0] * 5 + [None] * 2
    # Another sender still has its lines, until there are fifty of all.
    assert quota.spend("192.0.2.2", 1.0) == 2
    assert [quota.spend(f"198.51.100.{number}", 2.0) for number in range(45)] == [0] * 44 + [None]
    assert quota.spend("192.0.2.1", 59.9) is None
    assert quota.spend("192.0.2.1", 60.0) == 2
