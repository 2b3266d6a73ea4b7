"""manage.py delete_client: deletes an unused client permanently."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from clients.management.arguments import require_client
from clients.management.base import JSONCommand
from clients.services import client_deletion
from clients.services.audit import Actor


class Command(JSONCommand):
    help = "Delete a client with its credentials, requests and usage. It must have been disabled for 24 hours, or unused for 30 days. Audit events stay."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("client_id", metavar="CLIENT_ID")
        parser.add_argument("--confirm", required=True, metavar="NAME", help="the client's name")

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        client = require_client(options["client_id"])
        client_deletion.delete_client(client=client, typed_name=options["confirm"], actor=actor, now=now)
        return {"client_id": client.client_id, "name": client.name, "deleted": True}
