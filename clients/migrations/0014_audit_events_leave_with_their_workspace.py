"""An audit event leaves its workspace only if the workspace is being removed, which can't be undone. It then keeps the workspace's slug, which can't be changed.

On SQLite, a later migration that changes clients_auditevent or rebuilds clients_workspace must first call remove of this migration and of 0012, and afterwards
install of 0012 and of this one. Our remove restores the first trigger of 0012.
"""

from importlib import import_module
from typing import Any

from django.db import migrations

_before = import_module("clients.migrations.0012_audit_events_stay")

# What clients.services.deletion sets before anything is removed. After it, no node can keep the workspace, whatever its clock says.
_IS_BEING_REMOVED = "deletes_at <= created_at"
_ANY_DELETION = "deletes_at IS NOT NULL"

_FINAL = "A workspace that is being removed can''t be kept."
_SAME = "A workspace''s slug and age can''t be changed."
_GONE = "A workspace that is removed can''t come back."

_SQLITE = (
    "DROP TRIGGER audit_event_unchanged",
    _before._SQLITE[0].replace(_ANY_DELETION, _IS_BEING_REMOVED),
    f"""
    CREATE TRIGGER workspace_same BEFORE UPDATE ON clients_workspace
    WHEN NOT (NEW.id = OLD.id AND NEW.slug = OLD.slug AND NEW.created_at = OLD.created_at)
    BEGIN SELECT RAISE(ABORT, '{_SAME}'); END
    """,
    f"""
    CREATE TRIGGER workspace_removal_final BEFORE UPDATE ON clients_workspace
    WHEN OLD.{_IS_BEING_REMOVED.replace("<= ", "<= OLD.")} AND NEW.deletes_at IS NOT OLD.deletes_at
    BEGIN SELECT RAISE(ABORT, '{_FINAL}'); END
    """,
)
_SQLITE_BACK = ("DROP TRIGGER workspace_same", "DROP TRIGGER workspace_removal_final", "DROP TRIGGER audit_event_unchanged", _before._SQLITE[0])

_POSTGRESQL = (
    _before._POSTGRESQL[0].replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION").replace(_ANY_DELETION, _IS_BEING_REMOVED),
    f"""
    CREATE FUNCTION workspace_unchanged() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' THEN
            IF EXISTS (SELECT FROM clients_workspace WHERE id = OLD.id) THEN
                RAISE EXCEPTION '{_GONE}' USING ERRCODE = 'integrity_constraint_violation';
            END IF;
        ELSIF NEW.id <> OLD.id OR NEW.slug <> OLD.slug OR NEW.created_at <> OLD.created_at THEN
            RAISE EXCEPTION '{_SAME}' USING ERRCODE = 'integrity_constraint_violation';
        ELSIF OLD.{_IS_BEING_REMOVED.replace("<= ", "<= OLD.")} AND NEW.deletes_at IS DISTINCT FROM OLD.deletes_at THEN
            RAISE EXCEPTION '{_FINAL}' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    "CREATE TRIGGER workspace_unchanged BEFORE UPDATE ON clients_workspace FOR EACH ROW EXECUTE FUNCTION workspace_unchanged()",
    # At the commit, because until then the workspace may be created again.
    """
    CREATE CONSTRAINT TRIGGER workspace_gone AFTER DELETE ON clients_workspace DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION workspace_unchanged()
    """,
)
_POSTGRESQL_BACK = (
    "DROP FUNCTION workspace_unchanged() CASCADE",
    _before._POSTGRESQL[0].replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"),
)


def install(_apps: Any, schema_editor: Any) -> None:
    for statement in _SQLITE if schema_editor.connection.vendor == "sqlite" else _POSTGRESQL:
        schema_editor.execute(statement, params=None)


def remove(_apps: Any, schema_editor: Any) -> None:
    for statement in _SQLITE_BACK if schema_editor.connection.vendor == "sqlite" else _POSTGRESQL_BACK:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0013_audiences"),
    ]

    operations = [
        migrations.RunPython(install, remove),
    ]
