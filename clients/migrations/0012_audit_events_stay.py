"""The database itself keeps audit events: nothing can change one, and nothing can remove one before the shortest retention that a workspace may choose.

On SQLite, a later migration that changes clients_auditevent or rebuilds clients_workspace must call remove first and install afterwards. Rebuilding the table of
events drops the triggers, they don't cover new columns, and SQLite refuses to rename a table while they refer to a missing clients_workspace.
"""

from typing import Any

from django.db import migrations

# A day less than clients.services.retention.AUDIT_DAYS allows, so that a batch whose newest event has only just become old enough isn't refused.
_SHORTEST = "399 days"

# The one change that the product makes: once a workspace is removed, its events name it by its slug.
_SQLITE = (
    """
    CREATE TRIGGER audit_event_unchanged BEFORE UPDATE ON clients_auditevent
    WHEN NOT (
        NEW.workspace_id IS NULL
        AND OLD.workspace_slug = ''
        AND NEW.workspace_slug = (SELECT slug FROM clients_workspace WHERE id = OLD.workspace_id AND deletes_at IS NOT NULL)
        AND NEW.id = OLD.id AND NEW.event = OLD.event AND NEW.actor = OLD.actor AND NEW.address IS OLD.address AND NEW.request_id = OLD.request_id
        AND NEW.target_type = OLD.target_type AND NEW.target_id = OLD.target_id AND NEW."before" = OLD."before" AND NEW."after" = OLD."after"
        AND NEW.created_at = OLD.created_at
    ) IS TRUE
    BEGIN SELECT RAISE(ABORT, 'An audit event can''t be changed.'); END
    """,
    f"""
    CREATE TRIGGER audit_event_kept BEFORE DELETE ON clients_auditevent
    WHEN OLD.created_at > strftime('%Y-%m-%d %H:%M:%f', 'now', '-{_SHORTEST}')
    BEGIN SELECT RAISE(ABORT, 'An audit event can''t be removed before its retention ends.'); END
    """,
)

_POSTGRESQL = (
    """
    CREATE FUNCTION audit_event_unchanged() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE rest clients_auditevent := NEW;
    BEGIN
        rest.workspace_id := OLD.workspace_id;
        rest.workspace_slug := OLD.workspace_slug;
        IF rest IS NOT DISTINCT FROM OLD AND NEW.workspace_id IS NULL AND OLD.workspace_slug = ''
            AND NEW.workspace_slug = (SELECT slug FROM clients_workspace WHERE id = OLD.workspace_id AND deletes_at IS NOT NULL)
        THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'An audit event can''t be changed.' USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    f"""
    CREATE FUNCTION audit_event_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' AND OLD.created_at <= clock_timestamp() - interval '{_SHORTEST}' THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'An audit event can''t be removed before its retention ends.' USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    "CREATE TRIGGER audit_event_unchanged BEFORE UPDATE ON clients_auditevent FOR EACH ROW EXECUTE FUNCTION audit_event_unchanged()",
    "CREATE TRIGGER audit_event_kept BEFORE DELETE ON clients_auditevent FOR EACH ROW EXECUTE FUNCTION audit_event_kept()",
    "CREATE TRIGGER audit_events_kept BEFORE TRUNCATE ON clients_auditevent FOR EACH STATEMENT EXECUTE FUNCTION audit_event_kept()",
)

_AWAY = {
    "sqlite": ("DROP TRIGGER audit_event_unchanged", "DROP TRIGGER audit_event_kept"),
    "postgresql": ("DROP FUNCTION audit_event_unchanged() CASCADE", "DROP FUNCTION audit_event_kept() CASCADE"),
}


def install(_apps: Any, schema_editor: Any) -> None:
    for statement in _SQLITE if schema_editor.connection.vendor == "sqlite" else _POSTGRESQL:
        schema_editor.execute(statement, params=None)


def remove(_apps: Any, schema_editor: Any) -> None:
    for statement in _AWAY[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0011_usage_summary"),
    ]

    operations = [
        migrations.RunPython(install, remove),
    ]
