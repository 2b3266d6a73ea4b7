"""deploy/postgresql-roles.sql: one role migrates, the other serves and can't take away what keeps the audit log."""

import json
import shutil

import psycopg
import pytest

from tests.commands.conftest import ROOT, Shell

AUDIT_LOG = "clients_auditevent"


@pytest.fixture(scope="module")
def as_app(make_tables, postgresql):
    """The URL of a database in which tokenos_app serves."""
    url = make_tables()
    script = shutil.copy(ROOT / "deploy/postgresql-roles.sql", postgresql.directory)
    options = ("--host=127.0.0.1", f"--port={postgresql.port}", "--username=tokenos", "--set=password=x", "--set=ON_ERROR_STOP=1")
    postgresql.run("psql", *options, f"--file={script}", url.rpartition("/")[2])
    yield url.replace("tokenos@", "tokenos_app@")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP OWNED BY tokenos_app")
        connection.execute("DROP ROLE tokenos_app")


def test_role_that_serves_does_all_that_commands_do(as_app, tmp_path):
    shell = Shell(tmp_path)
    assert shell("prepare", "--json", DATABASE_URL=as_app).returncode == 0
    made = json.loads(shell("create_client", "--workspace", "demo", "--name", "billing", "--json", DATABASE_URL=as_app).stdout)
    assert shell("disable_client", made["client_id"], DATABASE_URL=as_app).returncode == 0
    assert shell("prune", "--json", DATABASE_URL=as_app).returncode == 0


@pytest.mark.parametrize(
    "statement",
    [
        f"ALTER TABLE {AUDIT_LOG} DISABLE TRIGGER ALL",
        f"DROP TRIGGER audit_event_kept ON {AUDIT_LOG}",
        "DROP FUNCTION audit_event_unchanged() CASCADE",
        "CREATE OR REPLACE FUNCTION audit_event_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN OLD; END $$",
        "SET session_replication_role = replica",
        f"TRUNCATE {AUDIT_LOG}",
        f"DROP TABLE {AUDIT_LOG}",
    ],
)
def test_role_that_serves_cannot_take_the_guard_away(as_app, statement):
    with psycopg.connect(as_app) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)
