"""How many lines of one kind the log gets: some for each sender, and a readable number in all."""

import pytest

from clients.models import RecordedRequest
from oauth import log_quota
from oauth.log_quota import LogQuota
from oauth.models import FailureCount
from tests.oauth.doors import ADDRESS, ELSEWHERE, basic


@pytest.fixture
def lines(monkeypatch, caplog, db):
    """The lines about refused requests, of which the log gets three about each kind and network."""
    monkeypatch.setattr(log_quota, "refused_requests", LogQuota(seconds=60, lines=10, of_one=3))
    caplog.set_level("INFO", "tokenos.oauth")
    return lambda: [(record.getMessage(), record.address, record.left_out) for record in caplog.records if record.getMessage().startswith("refused: ")]


def test_lines_that_are_left_out_are_counted_in_the_next_one():
    quota = LogQuota(seconds=60, lines=50, of_one=5)
    assert [quota.spend("192.0.2.1", 0.0) for _ in range(7)] == [0] * 5 + [None] * 2
    # Another sender still has its lines, until there are fifty of all.
    assert quota.spend("192.0.2.2", 1.0) == 2
    assert [quota.spend(f"198.51.100.{number}", 2.0) for number in range(45)] == [0] * 44 + [None]
    assert quota.spend("192.0.2.1", 59.9) is None
    assert quota.spend("192.0.2.1", 60.0) == 2


def test_refused_requests_of_a_network_get_few_lines_of_each_kind_and_the_next_line_says_how_many_were_left_out(asgi, billing, lines):
    for _ in range(5):
        asgi.token()
    asgi.token(basic(billing.client_id, "x"))
    asgi.token(address=ELSEWHERE)
    assert lines() == [
        *[("refused: missing_credentials", ADDRESS, None)] * 3,
        ("refused: not_a_secret", ADDRESS, 2),
        ("refused: missing_credentials", ELSEWHERE, None),
    ]


def test_every_address_of_an_ipv6_customer_is_one_network(asgi, lines):
    for number in range(5):
        asgi.token(address=f"2001:db8:1:{number}::3")
    assert len(lines()) == 3


def test_what_the_log_leaves_out_is_counted_against_the_sender_and_shown_to_the_owner(asgi, billing, make, demo, lines):
    secret = make(demo).secret
    answers = [asgi.token(basic(billing.client_id, secret)) for _ in range(5)]
    assert len(lines()) == 3
    assert RecordedRequest.objects.filter(request_id__in=[answer.request_id for answer in answers], client=billing.client).count() == 5
    assert FailureCount.objects.filter(failures=5).count() >= 2
