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
EMPTYING = "TRUNCATE clients_auditevent"


def refused(statement: str) -> str:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    except IntegrityError as error:
        return str(error).splitlines()[0]
    return "done"


def tamper() -> dict[str, object]:
    now = timezone.now()
    demo, other = factories.create_workspace("demo"), factories.create_workspace("other")
    old = now - timedelta(days=retention.AUDIT_DAYS[0], seconds=1)
    AuditEvent.objects.create(event="x", actor="system", target_type="x", target_id="old", created_at=old)
    statements = CHANGES | ({"emptying": EMPTYING} if connection.vendor == "postgresql" else {})
    kept = list(AuditEvent.objects.order_by("pk").values_list())
    outcome: dict[str, object] = {name: refused(statement) for name, statement in statements.items()}
    outcome["nothing has changed"] = list(AuditEvent.objects.order_by("pk").values_list()) == kept
    outcome["past its retention"] = retention.prune_audit_events(now=timezone.now())
    delete_workspace(workspace=demo, typed_slug="demo", actor=factories.TESTS, now=now)
    outcome["removed"] = list(remove_deleted_workspaces(now=now + GRACE_PERIOD))
    outcome["named by slug"] = AuditEvent.objects.filter(workspace=None, workspace_slug="demo").count() > 1
    outcome["of others"] = AuditEvent.objects.filter(workspace=other).exists()
    outcome["once named by slug"] = refused("UPDATE clients_auditevent SET workspace_slug = '' WHERE workspace_slug = 'demo'")
    return outcome


json.dump(tamper(), sys.stdout)
