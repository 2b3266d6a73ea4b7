"""manage.py enable_client: lets a disabled client work again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from clients.management.arguments import require_client
from clients.management.base import JSONCommand
from clients.services import clients
from clients.services.audit import Actor


class Command(JSONCommand):
    help = "Enable a disabled client, with the secrets and tokens that it has."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("client_id", metavar="CLIENT_ID")

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        client = clients.enable_client(client=require_client(options["client_id"]), actor=actor, now=now)
        return {"client_id": client.client_id, "status": client.status}
