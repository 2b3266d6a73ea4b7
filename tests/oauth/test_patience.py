"""How long a thread's statements may wait."""

import time

import pytest
from django.db import connection

from oauth.database import bound_wait
from oauth.patience import patience

pytestmark = [pytest.mark.django_db, pytest.mark.skipif(connection.vendor != "sqlite", reason="a pragma of SQLite")]


@pytest.fixture(autouse=True)
def _mine():
    yield
    patience().ends = 0.0
    connection.cursor().execute("PRAGMA busy_timeout = 5000")


def wait_of_a_write():
    bound_wait(connection)
    return connection.connection.execute("PRAGMA busy_timeout").fetchone()[0]


def test_without_a_request_a_write_waits_as_it_is_set_up():
    connection.cursor().execute("PRAGMA busy_timeout = 1234")
    assert wait_of_a_write() == 1234


@pytest.mark.parametrize(("left", "least", "most"), [(100, 5000, 5000), (2, 1, 2000), (-1, 50, 50)])
def test_a_write_waits_only_as_long_as_the_request_has_left(left, least, most):
    """5 seconds at most; and 50 ms if it has no time left, such as a long export, so that others can write."""
    connection.ensure_connection()
    patience().ends = time.monotonic() + left
    assert least <= wait_of_a_write() <= most
