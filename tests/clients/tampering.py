"""A program: what the database says of each way to tamper with the audit log, and of what the product itself does with it. Prints JSON."""

import json
import sys
from datetime import timedelta

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from clients.models import AuditEvent
from clients.services import retention
from clients.services.deletion import GRACE_PERIOD, delete_workspace, remove_deleted_workspaces
from tests import factories

CHANGES = {
    "who": "UPDATE clients_auditevent SET actor = 'user:1 eve@example.com'",
    "what": "UPDATE clients_auditevent SET event = 'nothing.happened'",
    "when": "UPDATE clients_auditevent SET created_at = '2020-01-01 00:00:00'",
    "from where": "UPDATE clients_auditevent SET address = '192.0.2.1'",
    "before": 'UPDATE clients_auditevent SET "before" = \'{"name": "x"}\'',
    "whose": "UPDATE clients_auditevent SET workspace_id = NULL",
    "whose, as if it were removed": "UPDATE clients_auditevent SET workspace_id = NULL, workspace_slug = 'demo'",
    "removal": "DELETE FROM clients_auditevent",
}
_DELETED = "UPDATE clients_workspace SET deletes_at = '2036-01-01 00:00:00+00:00' WHERE slug = 'demo'"
_BEING_REMOVED = "UPDATE clients_workspace SET deletes_at = created_at WHERE slug = 'demo'"
_KEPT = "UPDATE clients_workspace SET deletes_at = NULL WHERE slug = 'demo'"
_LET_GO = """UPDATE clients_auditevent SET workspace_id = NULL, workspace_slug = (SELECT slug FROM clients_workspace WHERE id = clients_auditevent.workspace_id)
    WHERE workspace_id = (SELECT id FROM clients_workspace WHERE slug = 'demo')"""
# Names without a schema lead to it first.
_HIDDEN = "CREATE TEMPORARY TABLE clients_workspace (id bigint, slug text, deletes_at timestamp, created_at timestamp)"
_LET_GO_HIDDEN = "UPDATE clients_auditevent SET workspace_id = NULL, workspace_slug = 'fake' WHERE workspace_id = 1"
# Each in one transaction: it has its effect only if all of it is let through.
DETOURS = {
    "whose, by a deletion that is taken back": (_DELETED, _LET_GO, _KEPT),
    "whose, by a removal that is taken back": (_BEING_REMOVED, _LET_GO, _KEPT),
    "whose, by another name": (
        "UPDATE clients_workspace SET slug = 'fake' WHERE slug = 'demo'",
        _BEING_REMOVED.replace("demo", "fake"),
        _LET_GO.replace("demo", "fake"),
    ),
    "whose, by a table that hides the workspaces": (_HIDDEN, "INSERT INTO clients_workspace VALUES (1, 'fake', '2020-01-01', '2020-01-01')", _LET_GO_HIDDEN),
    "whose, by another age": ("UPDATE clients_workspace SET created_at = '2037-01-01 00:00:00+00:00' WHERE slug = 'demo'", _DELETED, _LET_GO, _KEPT),
}
_COPY = ("CREATE TEMPORARY TABLE kept AS SELECT * FROM clients_workspace WHERE slug = 'demo'", _BEING_REMOVED)
_REMOVE = ("DELETE FROM clients_scope WHERE workspace_id = (SELECT id FROM kept)", "DELETE FROM clients_workspace WHERE slug = 'demo'")
_INSERT = "INSERT INTO clients_workspace SELECT * FROM kept"
# The attacker moves what was in the workspace to the next one.
DETOURS |= {
    "whose, by a workspace that is made again under the same name": (*_COPY, _LET_GO, *_REMOVE, "UPDATE kept SET id = id + 1000", _INSERT),
    "whose, by one that is made again and gives its events to a third": (
        *_COPY,
        *_REMOVE,
        "UPDATE kept SET id = id + 1000",
        _INSERT,
        "UPDATE kept SET id = id - 1000, slug = 'fake', deletes_at = created_at",
        _INSERT,
        _LET_GO.replace("demo", "fake"),
        "DELETE FROM clients_workspace WHERE slug = 'fake'",
    ),
}
REPLACED = {
    "who, by a row in its place": """REPLACE INTO clients_auditevent
            (id, workspace_slug, event, actor, request_id, target_type, target_id, "before", "after", created_at)
        SELECT id, '', event, 'user:1 eve@example.com', '', target_type, target_id, '{}', '{}', '2020-01-01 00:00:00' FROM clients_auditevent LIMIT 1""",
    "whose, by a workspace in its place": "REPLACE INTO clients_workspace SELECT * FROM clients_workspace WHERE slug = 'demo'",
}
# Only PostgreSQL looks once more when all is done.
BACK_AGAIN = (*_COPY, _LET_GO, *_REMOVE, "UPDATE kept SET slug = 'fake'", _INSERT)
BACK_AGAIN_HIDDEN = (*BACK_AGAIN, _HIDDEN)
EMPTYING = "TRUNCATE clients_auditevent"


def _with_operator(kind: str) -> tuple[str, ...]:
    """As a role that may create functions could make it: two values of that type are always equal."""
    return (
        f"CREATE FUNCTION same({kind}, {kind}) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
        f"CREATE OPERATOR = (LEFTARG = {kind}, RIGHTARG = {kind}, FUNCTION = same)",
        """UPDATE clients_auditevent SET actor = 'user:1 eve@example.com', workspace_id = NULL, workspace_slug = 'demo'
            WHERE workspace_id = (SELECT id FROM clients_workspace WHERE slug = 'demo')""",
        "UPDATE clients_auditevent SET workspace_id = NULL, workspace_slug = 'nowhere' WHERE workspace_id IS NOT NULL",
    )


# Where the workspace is being removed, only the comparison of events stands before the first one.
OPERATORS = {
    "who, by an operator for events": (_BEING_REMOVED, *_with_operator("clients_auditevent")[:3]),
    "whose, by an operator for names": (*_with_operator("varchar")[:2], _BEING_REMOVED, _with_operator("varchar")[3]),
}


def refused(*statements: str) -> str:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            if len(statements) > 1:
                # As at the commit. Afterwards all is as before, for what one way achieves would hide what the next one does.
                connection.check_constraints()
                transaction.set_rollback(True)
    except IntegrityError as error:
        return str(error).splitlines()[0]
    return "done"


def find_misled_functions() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND proconfig IS DISTINCT FROM %s ORDER BY proname",
            [["search_path=pg_catalog, pg_temp"]],
        )
        return [name for (name,) in cursor.fetchall()]


def tamper() -> dict[str, object]:
    now = timezone.now()
    demo, other = factories.create_workspace("demo"), factories.create_workspace("other")
    old = now - timedelta(days=retention.AUDIT_DAYS[0], seconds=1)
    AuditEvent.objects.create(event="x", actor="system", target_type="x", target_id="old", created_at=old)
    attempts: dict[str, tuple[str, ...]] = {name: (statement,) for name, statement in CHANGES.items()} | DETOURS
    if connection.vendor == "sqlite":
        attempts |= {name: (statement,) for name, statement in REPLACED.items()}
    else:
        attempts |= OPERATORS | {
            "emptying": (EMPTYING,),
            "whose, by a removal after which it is there again": BACK_AGAIN,
            "whose, by one after which it is there again, but hidden": BACK_AGAIN_HIDDEN,
        }
    kept = list(AuditEvent.objects.order_by("pk").values_list())
    outcome: dict[str, object] = {name: refused(*statements) for name, statements in attempts.items()}
    if connection.vendor == "postgresql":
        outcome["functions that go by the caller's search_path"] = find_misled_functions()
    outcome["nothing has changed"] = list(AuditEvent.objects.order_by("pk").values_list()) == kept
    outcome["past its retention"] = retention.prune_audit_events(now=timezone.now())
    delete_workspace(workspace=demo, typed_slug="demo", actor=factories.TESTS, now=now)
    outcome["removed"] = list(remove_deleted_workspaces(now=now + GRACE_PERIOD))
    outcome["named by slug"] = AuditEvent.objects.filter(workspace=None, workspace_slug="demo").count() > 1
    outcome["of others"] = AuditEvent.objects.filter(workspace=other).exists()
    outcome["once named by slug"] = refused("UPDATE clients_auditevent SET workspace_slug = '' WHERE workspace_slug = 'demo'")
    return outcome


json.dump(tamper(), sys.stdout)
