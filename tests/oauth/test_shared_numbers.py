"""oauth/shared_numbers.py: each process counts for itself, and any of them can sum up."""

import os

import pytest

from oauth.shared_numbers import WIDTH, NoRoomError, SharedNumbers

ZEROS = [0.0] * (WIDTH - 2)


def in_fork(act):
    pid = os.fork()
    if pid == 0:
        act()
        os._exit(0)
    assert os.waitpid(pid, 0) == (pid, 0)


def add(numbers, place, name, amount):
    numbers.take(place)
    row = numbers.find_row(name)
    row[0] += amount
    row[-1] += amount / 4


def test_what_forks_counted_is_summed_up_by_name():
    numbers = SharedNumbers(3)
    in_fork(lambda: add(numbers, 1, "token", 2))
    in_fork(lambda: add(numbers, 2, "token", 3))
    in_fork(lambda: add(numbers, 2, "jwks", 1))
    assert numbers.sum_up() == {"token": [5.0, 0.0, *ZEROS[1:], 1.25], "jwks": [1.0, 0.0, *ZEROS[1:], 0.25]}


def test_next_process_in_a_place_counts_on():
    numbers = SharedNumbers(2)
    in_fork(lambda: add(numbers, 1, "token", 2))
    in_fork(lambda: add(numbers, 1, "token", 3))
    assert numbers.sum_up()["token"][0] == 5.0


def test_an_invalid_place_belongs_to_nobody():
    numbers = SharedNumbers(1)
    add(numbers, 1, "token", 2)
    assert numbers.find_row("token")[0] == 2.0
    assert numbers.sum_up() == {}


def test_too_long_a_name_and_too_many_rows_are_refused_and_those_that_are_there_count_on():
    numbers = SharedNumbers(1)
    with pytest.raises(NoRoomError):
        numbers.find_row("x" * 97)
    for number in range(180):
        numbers.find_row(f"row {number}")[0] = number
    with pytest.raises(NoRoomError):
        numbers.find_row("one more")
    assert numbers.find_row("row 7")[0] == 7.0
    assert len(numbers.sum_up()) == 180
