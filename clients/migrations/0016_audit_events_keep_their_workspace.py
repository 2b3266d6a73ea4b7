"""No workspace can be created with a slug or primary key that audit events have. Otherwise its log could be emptied by removing the workspace and creating it again.

On PostgreSQL, the functions of the triggers find only the tables in the tables' schema. Otherwise a role that may create functions there could replace an operator
that they use. On SQLite, REPLACE replaces a row without running any triggers except those for insertion.

On SQLite, a later migration that changes clients_auditevent or rebuilds clients_workspace must first call remove of this migration, of 0014 and of 0012, and
afterwards install of 0012, of 0014 and of this one.
"""

from importlib import import_module
from typing import Any

from django.db import migrations

_first = import_module("clients.migrations.0012_audit_events_stay")
_second = import_module("clients.migrations.0014_audit_events_leave_with_their_workspace")
_third = import_module("clients.migrations.0015_audit_triggers_search_path")

_TAKEN = "A workspace can''t be made under a name or number that audit events have."
_REPLACED = "A row can''t be put in the place of another."

_SQLITE = (
    f"""
    CREATE TRIGGER audit_event_new BEFORE INSERT ON clients_auditevent
    WHEN EXISTS (SELECT 1 FROM clients_auditevent WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, '{_REPLACED}'); END
    """,
    f"""
    CREATE TRIGGER workspace_new BEFORE INSERT ON clients_workspace
    BEGIN
        SELECT RAISE(ABORT, '{_REPLACED}') WHERE EXISTS (SELECT 1 FROM clients_workspace WHERE id = NEW.id OR slug = NEW.slug);
        SELECT RAISE(ABORT, '{_TAKEN}') WHERE EXISTS (SELECT 1 FROM clients_auditevent WHERE workspace_id = NEW.id)
            OR EXISTS (SELECT 1 FROM clients_auditevent WHERE workspace_slug = NEW.slug AND workspace_slug <> '');
    END
    """,
)
_SQLITE_BACK = ("DROP TRIGGER audit_event_new", "DROP TRIGGER workspace_new")

_REFUSED = "USING ERRCODE = 'integrity_constraint_violation'"
# Operators are searched for only in search_path, and pg_temp is searched only for tables. {schema}: the tables' schema.
_POSTGRESQL = (
    f"""
    CREATE OR REPLACE FUNCTION {{schema}}.audit_event_unchanged() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    DECLARE rest {{schema}}.clients_auditevent := NEW;
    BEGIN
        rest.workspace_id := OLD.workspace_id;
        rest.workspace_slug := OLD.workspace_slug;
        -- Compared as text, because which rows are equal depends on the operators found.
        IF to_jsonb(rest)::text = to_jsonb(OLD)::text AND NEW.workspace_id IS NULL AND OLD.workspace_slug::text = ''
            AND NEW.workspace_slug::text = (SELECT slug::text FROM {{schema}}.clients_workspace WHERE id = OLD.workspace_id AND deletes_at <= created_at)
        THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'An audit event can''t be changed.' {_REFUSED};
    END $$
    """,
    _first._POSTGRESQL[1]
    .replace("CREATE FUNCTION ", "CREATE OR REPLACE FUNCTION {schema}.")
    .replace("LANGUAGE plpgsql", "LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp"),
    _second._POSTGRESQL[1]
    .replace("CREATE FUNCTION ", "CREATE OR REPLACE FUNCTION {schema}.")
    .replace("LANGUAGE plpgsql", "LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp")
    .replace("FROM clients_workspace", "FROM {schema}.clients_workspace")
    .replace("NEW.slug <> OLD.slug", "NEW.slug::text <> OLD.slug::text"),
    f"""
    CREATE FUNCTION {{schema}}.workspace_new() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
        -- At an isolation level other than read committed, events that another transaction has just detached from their workspace aren't visible, so refuse.
        IF current_setting('transaction_isolation') <> 'read committed'
            OR EXISTS (SELECT FROM {{schema}}.clients_auditevent WHERE workspace_id = NEW.id)
            OR EXISTS (SELECT FROM {{schema}}.clients_auditevent WHERE workspace_slug::text = NEW.slug::text AND workspace_slug::text <> '')
        THEN
            RAISE EXCEPTION '{_TAKEN}' {_REFUSED};
        END IF;
        RETURN NEW;
    END $$
    """,
    # This runs after the insertion, when the slug is already taken. Before it, a transaction that is about to free the slug may still be running.
    "CREATE TRIGGER workspace_new AFTER INSERT ON {schema}.clients_workspace FOR EACH ROW EXECUTE FUNCTION {schema}.workspace_new()",
)


def _find_schema(schema_editor: Any) -> str:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = 'clients_auditevent'::regclass")
        return str(cursor.fetchone()[0])


def install(_apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "sqlite":
        for statement in _SQLITE:
            schema_editor.execute(statement, params=None)
    else:
        schema = _find_schema(schema_editor)
        for statement in _POSTGRESQL:
            schema_editor.execute(statement.replace("{schema}", schema), params=None)


def remove(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "sqlite":
        for statement in _SQLITE_BACK:
            schema_editor.execute(statement, params=None)
    else:
        schema_editor.execute("DROP FUNCTION workspace_new() CASCADE", params=None)
        for statement in (_second._POSTGRESQL[0], _second._POSTGRESQL[1], _first._POSTGRESQL[1]):
            schema_editor.execute(statement.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"), params=None)
        _third.install(apps, schema_editor)


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0015_audit_triggers_search_path"),
    ]

    operations = [
        migrations.RunPython(install, remove),
    ]
