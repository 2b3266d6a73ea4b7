"""manage.py end_secret: makes a secret expire now; tokens that it obtained stay valid."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from clients.management.arguments import require_client, require_secret_id
from clients.management.base import JSONCommand
from clients.moment import iso
from clients.services import secret_ends
from clients.services.audit import Actor


class Command(JSONCommand):
    help = "Make a secret expire now. Tokens that it obtained stay valid until they expire."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("client_id", metavar="CLIENT_ID")
        parser.add_argument("secret_id", metavar="SECRET_ID")

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        client, secret_id = require_client(options["client_id"]), require_secret_id(options["secret_id"])
        secret = secret_ends.end_secret(client=client, secret_id=secret_id, actor=actor, now=now)
        return {"client_id": client.client_id, "secret_id": secret.secret_id, "expires_at": iso(secret.expires_at)}
