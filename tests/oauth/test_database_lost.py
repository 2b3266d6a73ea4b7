"""Without its database every endpoint says 503 with Retry-After, and works again, without a restart, once it is back."""

import os
import shutil
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connections

from clients.models import ClientSecret
from tests import factories
from tests.oauth.doors import DOORS, basic, bearer
from tests.servers.conftest import free_port
from tests.servers.stores import missing

send = DOORS["django"]
# Debian keeps the programs of each version apart.
PROGRAMS = os.pathsep.join([os.environ["PATH"], *sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)])


@contextmanager
def using(**database):
    """Another database for this thread, with nothing in it but the tables."""
    ours, settings = connections["default"], connections.settings["default"]
    connections.settings["default"] = {**settings, "OPTIONS": {}, "CONN_HEALTH_CHECKS": True, **database}
    connections["default"] = connections.create_connection("default")
    try:
        call_command("migrate", verbosity=0)
        yield
    finally:
        connections["default"].close()
        connections.settings["default"] = settings
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
    """A thread that has it open may go on; one that must open it says so, and opens it as soon as it is there."""
    path = tmp_path / "tokenos.sqlite3"
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
def postgres(tmp_path):
    """A server of its own, to be stopped and started."""
    pg_ctl, initdb = shutil.which("pg_ctl", path=PROGRAMS), shutil.which("initdb", path=PROGRAMS)
    if pg_ctl is None or initdb is None:
        missing("PostgreSQL", install="apt install postgresql")
    data, port = tmp_path / "pg", free_port()
    # It refuses to run as root.
    as_user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    tmp_path.chmod(0o777)
    for parent in list(tmp_path.parents)[:-2]:
        parent.chmod(parent.stat().st_mode | 0o011)

    def run(*command):
        subprocess.run([*as_user, *map(str, command)], check=True, stdout=subprocess.DEVNULL, cwd=tmp_path)

    class Server:
        database = {"ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "tokenos", "HOST": "127.0.0.1", "PORT": str(port)}

        @staticmethod
        def start():
            run(pg_ctl, "-D", data, "-w", "-l", tmp_path / "log", "-o", f"-p {port} -k {tmp_path} -c fsync=off", "start")

        @staticmethod
        def stop():
            run(pg_ctl, "-D", data, "-w", "-m", "immediate", "stop")

    run(initdb, "-D", data, "-U", "tokenos", "--auth=trust", "--no-sync")
    Server.start()
    yield Server
    subprocess.run([*as_user, pg_ctl, "-D", str(data), "-m", "immediate", "stop"], check=False, capture_output=True)


@pytest.mark.django_db
def test_a_postgresql_that_stops_and_comes_back(postgres, make):
    with using(**postgres.database):
        program = make_program(make)
        requests = requests_of(program, send.token(program.basic).json()["access_token"])
        assert statuses(requests) == ALIVE
        postgres.stop()
        assert statuses(requests) == LOST
        postgres.start()
        assert statuses(requests) == ALIVE
        refuse_odd_text(program)


def refuse_odd_text(program):
    """What SQLite takes and PostgreSQL doesn't: NUL in a text."""
    assert send.token(basic("a\0b" * 8, program.secret)).status == 401
    assert send.token(basic(program.client_id, "a\0b")).status == 401
    assert send.token(basic("\ud7ff" * 20, "x")).status == 401
    for query in ("scope=%00", "audience=%00", "audience=%FF"):
        assert send.get("/gateway/demo/verify", program.basic, query=query).status in (401, 403)
    assert send.post("/oauth2/token", {}, basic("\0" * 20, "x")).status == 400
    assert ClientSecret.objects.count() == 1


@pytest.mark.django_db
def test_a_postgresql_that_only_reads_any_more(postgres, make):
    """As after a switch to another host: the old primary refuses writes."""
    with using(**postgres.database):
        program = make_program(make)
        requests = requests_of(program, send.token(program.basic).json()["access_token"])
        with connections["default"].cursor() as cursor:
            cursor.execute("ALTER DATABASE postgres SET default_transaction_read_only = on")
        connections["default"].close()
        assert statuses(requests) == ALIVE | {"wrong secret": 503}
