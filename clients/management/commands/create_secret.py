"""manage.py create_secret: makes an additional secret for a client."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from clients.duration import parse_lifetime
from clients.management.arguments import require_client
from clients.management.base import JSONCommand
from clients.moment import iso
from clients.services import secrets
from clients.services.audit import Actor


class Command(JSONCommand):
    help = "Create an additional secret for a client and show it once. The others stay as they are."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("client_id", metavar="CLIENT_ID")
        parser.add_argument("--name", default="")
        parser.add_argument("--expires-in", metavar="DURATION", help="for example 90d, or never (default: the workspace's)")

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        expires_in = options["expires_in"]
        lifetime = None if expires_in is None else parse_lifetime(expires_in)
        new = secrets.create_secret(client=require_client(options["client_id"]), name=options["name"], lifetime=lifetime, actor=actor, now=now)
        return {
            "client_id": new.secret.client.client_id,
            "client_secret": new.plaintext,
            "secret_id": new.secret.secret_id,
            "expires_at": iso(new.secret.expires_at),
        }
