"""Which granted requests are kept one by one."""

import pytest

from clients.services import request_sample
from clients.services.request_sample import BURST, BURST_OF_ALL, FIRSTS_PER_HOUR, PER_SECOND_OF_ALL, REFILL, RequestSample

NOON = 1_790_000_000 // 3600 * 3600


@pytest.fixture
def sample():
    return RequestSample()


def take(sample, times, *, client=1, doing=None, second=NOON):
    return sum(sample.takes(client, doing, second) for _ in range(times))


def test_every_request_of_a_quiet_client_is_kept(sample):
    assert sum(sample.takes(1, None, NOON + number * REFILL) for number in range(1000)) == 1000


def test_a_burst_is_kept_and_then_one_request_now_and_then(sample):
    assert take(sample, 500) == BURST
    assert take(sample, 500, second=NOON + REFILL - 1) == 0
    assert take(sample, 500, second=NOON + REFILL) == 1
    assert take(sample, 500, second=NOON + 6 * REFILL) == 5
    assert take(sample, 500, second=NOON + 10_000 * REFILL) == BURST


def test_each_client_has_its_own(sample):
    take(sample, 500)
    assert take(sample, 500, client=2) == BURST


def test_a_busy_clients_first_request_of_a_kind_in_an_hour_is_kept(sample):
    take(sample, 500)
    assert [take(sample, 1, doing="from elsewhere", second=NOON + second) for second in (1, 2, 3599, 3600)] == [1, 0, 1, 1]


def test_the_number_of_new_things_is_limited(sample):
    take(sample, 500)
    assert sum(sample.takes(1, number, NOON) for number in range(1000)) == FIRSTS_PER_HOUR


def test_all_clients_together_have_a_limit_per_second(sample):
    def take_all(second):
        return sum(take(sample, BURST, client=client, second=second) for client in range(200))

    assert take_all(NOON) == BURST_OF_ALL
    assert take_all(NOON) == 0
    assert take_all(NOON + 2) == 2 * PER_SECOND_OF_ALL
    assert take(sample, 1, client=999, doing="new", second=NOON + 2) == 1


def test_clients_are_forgotten_once_they_have_all_their_rows_again(sample, monkeypatch):
    monkeypatch.setattr(request_sample, "_REMEMBERED", 3)
    for client in range(3):
        take(sample, BURST, client=client, second=NOON + client)
    take(sample, 1, client=4, second=NOON + BURST * REFILL + 1)
    assert set(sample._clients) == {2, 4}
