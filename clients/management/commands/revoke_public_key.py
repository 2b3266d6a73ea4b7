"""manage.py revoke_public_key: revokes one public key at once."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from clients.management.arguments import require_client
from clients.management.base import JSONCommand
from clients.moment import iso
from clients.services import public_keys
from clients.services.audit import Actor


class Command(JSONCommand):
    help = "Revoke a public key permanently, at once, with every token that it obtained."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("client_id", metavar="CLIENT_ID")
        parser.add_argument("kid", metavar="KID", help="as it was printed when the key was added")

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        key = public_keys.revoke_public_key(client=require_client(options["client_id"]), kid=options["kid"], actor=actor, now=now)
        return {"client_id": key.client.client_id, "kid": key.kid, "revoked_at": iso(key.revoked_at)}
