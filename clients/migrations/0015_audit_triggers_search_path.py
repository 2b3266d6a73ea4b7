"""On PostgreSQL, the functions of the triggers look into the schema of their tables first. Otherwise a temporary table of the same name would shadow the real one."""

from typing import Any

from django.db import migrations

_FUNCTIONS = ("audit_event_unchanged", "audit_event_kept", "workspace_unchanged")
# If pg_temp isn't named, it is searched first for tables.
_FIX = """
    DO $$ BEGIN
        EXECUTE format('ALTER FUNCTION %1$s() SET search_path = pg_catalog, %2$s, pg_temp', '{function}',
            (SELECT relnamespace::regnamespace FROM pg_class WHERE oid = 'clients_auditevent'::regclass));
    END $$
"""


def install(_apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for function in _FUNCTIONS:
            schema_editor.execute(_FIX.replace("{function}", function), params=None)


def remove(_apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for function in _FUNCTIONS:
            schema_editor.execute(f"ALTER FUNCTION {function}() RESET search_path", params=None)


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0014_audit_events_leave_with_their_workspace"),
    ]

    operations = [
        migrations.RunPython(install, remove),
    ]
