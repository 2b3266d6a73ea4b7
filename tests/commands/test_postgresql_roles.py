"""deploy/postgresql-roles.sql: one role migrates, the other serves and can't remove the audit log's protection."""

import json
import shlex
import shutil
import subprocess

import psycopg
import pytest

from tests.commands.conftest import ROOT, Shell

AUDIT_LOG = "clients_auditevent"
PASSWORD = "typed-by-an-operator"
SCRIPT = "deploy/postgresql-roles.sql"


@pytest.fixture(scope="module")
def run_script(postgresql):
    script = shutil.copy(ROOT / SCRIPT, postgresql.directory)

    def run(url):
        command = [postgresql.programs / "psql", f"--file={script}", url]
        typed = f"{PASSWORD}\n{PASSWORD}\n"
        # In a session of its own, which has no terminal: psql takes what is typed from its input instead.
        return subprocess.run(command, input=typed, capture_output=True, text=True, timeout=60, check=False, start_new_session=True)

    return run


@pytest.fixture(scope="module")
def older_database(make_tables):
    """A database as PostgreSQL 14 creates it: everybody may create tables in it."""
    url = make_tables()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
    return url


@pytest.fixture(scope="module")
def as_app(older_database, run_script):
    """The URL of a database in which tokenos_app serves."""
    url = older_database
    done = run_script(url)
    assert done.returncode == 0, done.stderr
    yield url.replace("tokenos@", "tokenos_app@")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP OWNED BY tokenos_app")
        connection.execute("DROP ROLE tokenos_app")


def test_a_role_that_cannot_revoke_the_right_to_create_tables_is_told_so_and_nothing_is_done(older_database, run_script):
    """Up to PostgreSQL 14 the schema belongs to the superuser, and REVOKE by another role only warns."""
    with psycopg.connect(older_database, autocommit=True) as connection:
        connection.execute("CREATE ROLE owner_of_tables LOGIN CREATEROLE")
        try:
            done = run_script(older_database.replace("tokenos@", "owner_of_tables@"))
        finally:
            connection.execute("DROP ROLE owner_of_tables")
        (roles,) = connection.execute("SELECT count(*) FROM pg_roles WHERE rolname = 'tokenos_app'").fetchone()
    assert done.returncode != 0
    assert "ALTER SCHEMA public OWNER TO owner_of_tables" in done.stderr
    assert roles == 0


def test_a_role_that_may_not_create_roles_is_told_so_and_nothing_is_done(make_tables, run_script):
    """Roles from createuser may not. Without the check, the script stopped halfway."""
    url = make_tables()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE ROLE owner_without_rights LOGIN")
        database = connection.execute("SELECT current_database()").fetchone()[0]
        connection.execute(f"ALTER DATABASE {database} OWNER TO owner_without_rights")
        try:
            done = run_script(url.replace("tokenos@", "owner_without_rights@"))
            (may_all,) = connection.execute("SELECT has_database_privilege('public', current_database(), 'TEMPORARY')").fetchone()
        finally:
            connection.execute(f"ALTER DATABASE {database} OWNER TO tokenos")
            connection.execute("DROP ROLE owner_without_rights")
    assert done.returncode != 0
    assert done.stderr.count("ERROR") == 1
    assert "ALTER ROLE owner_without_rights CREATEROLE" in done.stderr
    assert may_all


def documented_command():
    """The words of the command in docs/operations.md."""
    return shlex.split(next(line for line in (ROOT / "docs/operations.md").read_text().splitlines() if line.startswith("psql ") and SCRIPT in line))


def test_password_stands_in_no_command_and_reaches_the_server_as_a_verifier_only(as_app, make_tables):
    """Otherwise everybody on the machine could read it in the process list, and readers of the server's log would find it there."""
    with psycopg.connect(as_app.replace("tokenos_app@", "tokenos@")) as connection:
        (kept,) = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'tokenos_app'").fetchone()
    assert kept.startswith("SCRAM-SHA-256$")
    script = (ROOT / SCRIPT).read_text()
    assert "password" not in " ".join(documented_command()).lower()
    assert "--set" not in script
    assert "PASSWORD :" not in script


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
        "ALTER TABLE clients_workspace DISABLE TRIGGER ALL",
        "DROP TRIGGER workspace_gone ON clients_workspace",
        "DROP FUNCTION workspace_unchanged() CASCADE",
        "SET session_replication_role = replica",
        f"TRUNCATE {AUDIT_LOG}",
        "CREATE TEMPORARY TABLE clients_workspace (id bigint)",
        f"DROP TABLE {AUDIT_LOG}",
        "CREATE TABLE mine (id bigint)",
        "CREATE FUNCTION lower(text) RETURNS text LANGUAGE sql AS 'SELECT $1'",
        "CREATE SCHEMA tokenos_app",
    ],
)
def test_role_that_serves_cannot_take_the_guard_away(as_app, statement):
    with psycopg.connect(as_app) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)
