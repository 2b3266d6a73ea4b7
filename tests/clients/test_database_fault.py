"""What is wrong with the database, recognised by its real errors."""

import socket
import sqlite3 as driver
import threading
from contextlib import closing

import psycopg
import pytest
from django.db import DatabaseError, connections
from environ import Env

from clients.database_fault import CANCELLED, DAMAGED, DEADLOCK, DISK_FULL, LOCKED, NO_ANSWER, READ_ONLY, TOO_MANY_CONNECTIONS, UNREACHABLE, find_fault

pytestmark = pytest.mark.django_db


@pytest.fixture
def fault_of(monkeypatch):
    """A function that runs statements on another database, and returns the fault that the last one causes."""

    def run(database, *statements):
        monkeypatch.setitem(connections.settings, "default", {**connections.settings["default"], "OPTIONS": {}, **database})
        connection = connections.create_connection("default")
        with closing(connection), pytest.raises(DatabaseError) as raised:  # noqa: PT012  # the first may be the one
            for statement in statements:
                connection.cursor().execute(statement)
        return find_fault(raised.value)

    return run


@pytest.fixture
def sqlite(tmp_path, fault_of):
    """The same, on a SQLite file of its own."""
    settings = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "a.sqlite3"), "OPTIONS": {"timeout": 0.01}}
    return lambda *statements: fault_of(settings, *statements)


def test_a_full_disk(sqlite):
    assert sqlite("PRAGMA max_page_count = 2", "CREATE TABLE a (b)", "INSERT INTO a VALUES (zeroblob(100000))") is DISK_FULL


def test_a_database_that_only_reads(sqlite):
    assert sqlite("CREATE TABLE a (b)", "PRAGMA query_only = ON", "INSERT INTO a VALUES (1)") is READ_ONLY


def test_a_database_that_somebody_else_locks(sqlite, tmp_path):
    with closing(driver.connect(tmp_path / "a.sqlite3")) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert sqlite("CREATE TABLE a (b)") is LOCKED


def test_a_file_that_is_no_database(sqlite, tmp_path):
    (tmp_path / "a.sqlite3").write_bytes(b"This is no database." * 1000)
    assert sqlite("CREATE TABLE a (b)") is DAMAGED


def test_a_file_that_cannot_be_opened(sqlite, tmp_path):
    (tmp_path / "a.sqlite3").mkdir()
    assert sqlite("CREATE TABLE a (b)") is UNREACHABLE


def test_a_mistake_of_ours_is_no_fault(sqlite):
    assert sqlite("SELECT nothing FROM nowhere") is UNREACHABLE  # SQLite calls that an OperationalError, as all else
    assert sqlite("CREATE TABLE a (b UNIQUE)", "INSERT INTO a VALUES (1), (1)") is None


@pytest.mark.parametrize("error", [None, ValueError("database is locked")])
def test_what_the_database_has_not_said_is_no_fault(error):
    assert find_fault(error) is None


def test_a_read_only_postgresql_and_an_unreachable_one(postgresql, fault_of):
    url = postgresql.create_database()
    assert fault_of(Env.db_url_config(url), "CREATE TABLE a (b int)", "SET default_transaction_read_only = on", "INSERT INTO a VALUES (1)") is READ_ONLY
    assert fault_of(Env.db_url_config(f"{url}_missing"), "SELECT 1") is UNREACHABLE
    assert fault_of(Env.db_url_config("postgres://nobody@127.0.0.1:1/none"), "SELECT 1") is UNREACHABLE


@pytest.mark.long
def test_a_postgresql_that_says_nothing(fault_of):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgres://nobody@127.0.0.1:{silent.getsockname()[1]}/none?connect_timeout=2"
        assert fault_of(Env.db_url_config(url), "SELECT 1") is NO_ANSWER


def test_a_postgresql_that_breaks_off_what_takes_too_long(postgresql, fault_of):
    url = Env.db_url_config(postgresql.create_database())
    assert fault_of(url, "SET statement_timeout = 50", "SELECT pg_sleep(10)") is CANCELLED


def test_a_postgresql_in_which_two_wait_for_each_other(postgresql, monkeypatch):
    url = postgresql.create_database()
    with psycopg.connect(url) as owner:
        owner.execute("CREATE TABLE a (b int)")
        owner.execute("INSERT INTO a VALUES (1), (2)")
    monkeypatch.setitem(connections.settings, "default", {**connections.settings["default"], "OPTIONS": {}, **Env.db_url_config(url)})
    both_have_one, faults = threading.Barrier(2), []

    def change(first, second):
        connection = connections.create_connection("default")
        with closing(connection):
            connection.set_autocommit(False)
            connection.cursor().execute("UPDATE a SET b = b WHERE b = %s", [first])
            both_have_one.wait(30)
            try:
                connection.cursor().execute("UPDATE a SET b = b WHERE b = %s", [second])
            except DatabaseError as error:
                faults.append(find_fault(error))

    threads = [threading.Thread(target=change, args=rows) for rows in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert faults == [DEADLOCK]


def test_a_postgresql_whose_row_another_holds(postgresql, fault_of):
    url = postgresql.create_database()
    with psycopg.connect(url) as other:
        other.execute("CREATE TABLE a (b int)")
        other.commit()
        other.execute("LOCK TABLE a")
        assert fault_of(Env.db_url_config(url), "SET lock_timeout = 50", "SELECT * FROM a") is LOCKED


def test_a_postgresql_that_takes_no_more_connections(postgresql, fault_of):
    url = postgresql.create_database()
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("CREATE ROLE crowd LOGIN CONNECTION LIMIT 0")
    try:
        assert fault_of(Env.db_url_config(url.replace("tokenos@", "crowd@")), "SELECT 1") is TOO_MANY_CONNECTIONS
    finally:
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute("DROP ROLE crowd")
