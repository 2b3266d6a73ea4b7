"""Connections to PostgreSQL on several hosts, one of which accepts connections but doesn't answer, like a frozen one."""

import socket
import threading
import time
from urllib.parse import urlsplit

import psycopg
import pytest

from dashboard.instance import environment
from dashboard.instance.postgresql.connection import connect
from oauth.patience import Patience


@pytest.fixture
def silent_port():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield silent.getsockname()[1]


@pytest.fixture
def two_hosts(postgresql, silent_port):
    """The silent host comes first."""
    name = urlsplit(postgresql.create_database()).path.removeprefix("/")
    return {"host": "127.0.0.1,127.0.0.1", "port": f"{silent_port},{postgresql.port}", "dbname": name, "user": "tokenos", "connect_timeout": 2}


def seconds(call):
    began = time.monotonic()
    call()
    return time.monotonic() - began


def test_a_first_host_that_hangs_costs_its_time_once(two_hosts):
    assert seconds(lambda: connect(**two_hosts).close()) >= 2
    assert seconds(lambda: [connect(**two_hosts).close() for _ in range(5)]) < 2


@pytest.mark.long
def test_one_thread_asks_the_only_host_whether_it_still_hangs_and_others_get_an_error_at_once(silent_port):
    parameters = {"host": "127.0.0.1", "port": str(silent_port), "user": "tokenos", "connect_timeout": 2}

    def fail():
        with pytest.raises(psycopg.OperationalError, match="timeout expired"):
            connect(**parameters)

    fail()
    took = []
    threads = [threading.Thread(target=lambda: took.append(seconds(fail))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([one for one in took if one >= 2]) == 1


def test_a_host_that_refuses_does_not_hang(postgresql):
    parameters = {"host": "127.0.0.1", "port": str(postgresql.port), "user": "tokenos", "dbname": "there_is_none"}
    for _ in range(2):
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            connect(**parameters)


@pytest.fixture
def impatient(monkeypatch):
    """This thread gives a statement half a second."""
    mine = Patience(0.5)
    monkeypatch.setattr("dashboard.instance.postgresql.connection.patience", lambda: mine)
    return mine


def test_a_statement_that_takes_too_long_ends_and_its_connection_too(postgresql, impatient):
    with connect(conninfo=postgresql.create_database(), autocommit=True) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError, match="timeout expired: no answer within"):
            connection.execute("SELECT pg_sleep(5)")
        assert connection.closed
    assert impatient.waits_since == 0.0


def test_only_a_host_that_answers_nobody_hangs(postgresql, impatient):
    """A statement may be slow, or wait for a lock. Idle connections stay in use, as long as any other got an answer meanwhile."""
    url = postgresql.create_database()
    slow, other = (connect(conninfo=url, autocommit=True) for _ in range(2))

    def work():
        for _ in range(10):
            other.execute("SELECT 1")
            time.sleep(0.05)

    working = threading.Thread(target=work)
    working.start()
    with pytest.raises(psycopg.OperationalError):
        slow.execute("SELECT pg_sleep(5)")
    working.join()
    assert other.execute("SELECT 1").fetchone() == (1,)
    other.close()


def test_idle_connections_to_a_host_that_answers_nobody_are_not_used_again_until_it_answers(postgresql, impatient):
    url = postgresql.create_database()
    slow, idle = (connect(conninfo=url, autocommit=True) for _ in range(2))
    with pytest.raises(psycopg.OperationalError):
        slow.execute("SELECT pg_sleep(5)")
    with pytest.raises(psycopg.OperationalError, match="doesn't answer other connections"):
        idle.execute("SELECT 1")
    assert idle.closed
    with connect(conninfo=url, autocommit=True) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_of_several_hosts_the_one_that_accepts_writes_is_taken_unless_the_url_says_otherwise(monkeypatch, tmp_path):
    def options(url):
        monkeypatch.setenv("DATABASE_URL", url)
        return environment.database("DATABASE_URL", default="", base=tmp_path)["OPTIONS"]

    assert options("postgres://u:p@one:5432,two:5433/name")["target_session_attrs"] == "read-write"
    assert options("postgres://u:p@one:5432,two:5433/name?target_session_attrs=any")["target_session_attrs"] == "any"
    assert "target_session_attrs" not in options("postgres://u:p@one:5432/name")
