"""Without its database every endpoint says 503 with Retry-After, and works again, without a restart, once it is back."""

import shutil
import sqlite3
import threading
from contextlib import closing, contextmanager

import pytest
from django.conf import settings
from django.db import connections
from environ import Env

from clients.models import ClientSecret
from tests import factories
from tests.oauth.doors import DOORS, basic, bearer
from tests.ports import free_port
from tests.servers.stores import PostgreSQL

send = DOORS["django"]


def copy_tables(path):
    """Copied from the test database, where nothing is committed."""
    with closing(sqlite3.connect(settings.DATABASES["default"]["NAME"])) as source, closing(sqlite3.connect(path)) as copy:
        source.backup(copy)


@contextmanager
def using(**database):
    """Use another database in this thread."""
    ours, its = connections["default"], connections.settings["default"]
    connections.settings["default"] = {**its, "OPTIONS": {}, "CONN_HEALTH_CHECKS": True, **database}
    connections["default"] = connections.create_connection("default")
    try:
        yield
    finally:
        connections["default"].close()
        connections.settings["default"] = its
        connections["default"] = ours


def requests_of(program, token):
    return {
        "token": lambda: send.token(program.basic),
        "introspect": lambda: send.post("/oauth2/introspect", {"token": token}, program.basic),
        "revoke": lambda: send.post("/oauth2/revoke", {"token": "x"}, program.basic),
        "whoami": lambda: send.get("/api/v1/whoami", bearer(token)),
        "verify": lambda: send.get("/gateway/demo/verify", bearer(token)),
        "verify by key": lambda: send.get("/gateway/demo/verify", bearer(program.secret)),
        "wrong secret": lambda: send.token(basic(program.client_id, "wrong")),
        "JWKS": lambda: send.get("/.well-known/jwks.json"),
    }


def statuses(requests):
    answers = {name: request() for name, request in requests.items()}
    for answer in answers.values():
        if answer.status == 503:
            assert answer.error == (503, "temporarily_unavailable")
            assert int(answer.headers["retry-after"]) > 0
            assert answer.headers["cache-control"] == "no-store"
    return {name: answer.status for name, answer in answers.items()}


ALIVE = {"token": 200, "introspect": 200, "revoke": 200, "whoami": 200, "verify": 200, "verify by key": 200, "wrong secret": 401, "JWKS": 200}
LOST = dict.fromkeys(ALIVE, 503)


def make_program(make):
    factories.create_signing_key()
    return make(factories.create_workspace("demo"))


@pytest.mark.django_db
def test_a_file_that_is_gone_and_comes_back(tmp_path, make):
    """A thread that has it open may continue; one that must open it reports the error, and opens it as soon as it is back."""
    path = tmp_path / "tokenos.sqlite3"
    copy_tables(path)
    with using(ENGINE="django.db.backends.sqlite3", NAME=str(path)):
        program = make_program(make)
        requests = requests_of(program, send.token(program.basic).json()["access_token"])
        assert statuses(requests) == ALIVE
        connections["default"].close()
        path.rename(tmp_path / "away")
        path.mkdir()
        assert statuses(requests) == LOST
        path.rmdir()
        (tmp_path / "away").rename(path)
        assert statuses(requests) == ALIVE


@pytest.mark.django_db
def test_a_file_that_is_damaged_and_restored(tmp_path, make):
    path = tmp_path / "tokenos.sqlite3"
    copy_tables(path)
    with using(ENGINE="django.db.backends.sqlite3", NAME=str(path)):
        program = make_program(make)
        requests = requests_of(program, send.token(program.basic).json()["access_token"])
        connections["default"].close()
        shutil.copy(path, tmp_path / "backup")
        path.write_bytes(b"This is no database." * 1000)
        assert statuses(requests) == LOST
        shutil.copy(tmp_path / "backup", path)
        assert statuses(requests) == ALIVE


@pytest.mark.django_db
def test_a_database_that_another_process_has_locked_refuses_only_what_has_to_write(tmp_path, make):
    path = tmp_path / "tokenos.sqlite3"
    copy_tables(path)
    with using(ENGINE="django.db.backends.sqlite3", NAME=str(path), OPTIONS={"timeout": 0.1, "init_command": "PRAGMA journal_mode=WAL;"}):
        program = make_program(make)
        requests = requests_of(program, send.token(program.basic).json()["access_token"])
        held, release = threading.Event(), threading.Event()

        def hold():
            connection = connections.create_connection("default")
            connection.cursor().execute("BEGIN IMMEDIATE")
            held.set()
            release.wait(10)
            connection.close()

        thread = threading.Thread(target=hold)
        thread.start()
        held.wait(10)
        try:
            assert statuses(requests) == ALIVE | {"wrong secret": 503}
        finally:
            release.set()
            thread.join()
        assert statuses(requests) == ALIVE


@pytest.fixture
def own_postgresql():
    """A separate server, which can be stopped and started."""
    made = PostgreSQL.create(free_port())
    yield made
    made.remove()


@pytest.mark.program
@pytest.mark.django_db
def test_a_postgresql_that_stops_and_comes_back(own_postgresql, make_tables, make):
    url, dump = own_postgresql.create_database(), f"--file={own_postgresql.directory / 'dump'}"
    own_postgresql.run("pg_dump", dump, make_tables())
    own_postgresql.run("psql", "--quiet", dump, url)
    with using(**Env.db_url_config(url)):
        program = make_program(make)
        requests = requests_of(program, send.token(program.basic).json()["access_token"])
        assert statuses(requests) == ALIVE
        own_postgresql.stop()
        assert statuses(requests) == LOST
        own_postgresql.start()
        assert statuses(requests) == ALIVE
        refuse_odd_text(program)


def refuse_odd_text(program):
    """Refuse NUL in a text, as PostgreSQL does and SQLite doesn't."""
    assert send.token(basic("a\0b" * 8, program.secret)).status == 401
    assert send.token(basic(program.client_id, "a\0b")).status == 401
    assert send.token(basic("\ud7ff" * 20, "x")).status == 401
    for query in ("scope=%00", "audience=%00", "audience=%FF"):
        assert send.get("/gateway/demo/verify", program.basic, query=query).status in (401, 403)
    assert send.post("/oauth2/token", {}, basic("\0" * 20, "x")).status == 400
    assert ClientSecret.objects.count() == 1


@pytest.mark.django_db
def test_a_postgresql_that_only_reads_any_more(make_tables, make):
    """As after a switch to another host: the old primary refuses writes."""
    database = Env.db_url_config(make_tables())
    with using(**database):
        program = make_program(make)
        requests = requests_of(program, send.token(program.basic).json()["access_token"])
        with connections["default"].cursor() as cursor:
            cursor.execute(f"ALTER DATABASE {database['NAME']} SET default_transaction_read_only = on")
        connections["default"].close()
        assert statuses(requests) == ALIVE | {"wrong secret": 503}
