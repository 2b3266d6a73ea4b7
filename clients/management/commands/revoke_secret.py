"""manage.py revoke_secret: revokes one secret at once."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from clients.management.arguments import require_client, require_secret_id
from clients.management.base import JSONCommand
from clients.moment import iso
from clients.services import secrets
from clients.services.audit import Actor


class Command(JSONCommand):
    help = "Revoke a secret permanently, at once, with every token that it obtained."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("client_id", metavar="CLIENT_ID")
        parser.add_argument("secret_id", metavar="SECRET_ID")

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        secret = secrets.revoke_secret(client=require_client(options["client_id"]), secret_id=require_secret_id(options["secret_id"]), actor=actor, now=now)
        return {"client_id": secret.client.client_id, "secret_id": secret.secret_id, "revoked_at": iso(secret.revoked_at)}
