"""manage.py rotate_secret: makes a new secret for a client; the old ones expire after an overlap."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from clients.duration import parse_duration, parse_lifetime
from clients.management.arguments import require_client
from clients.management.base import JSONCommand
from clients.moment import iso
from clients.services import rotation
from clients.services.audit import Actor


class Command(JSONCommand):
    help = "Create a new secret, show it once, and let the old ones expire after the overlap."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("client_id", metavar="CLIENT_ID")
        parser.add_argument(
            "--overlap",
            default=rotation.USUAL_OVERLAP,
            metavar="DURATION",
            help="how long the old ones still work; 0 ends them at once (default: %(default)s)",
        )
        parser.add_argument("--name", default="", help="default: that of the old one")
        parser.add_argument(
            "--expires-in", metavar="DURATION", help="for example 90d, or never (default: the old one's lifetime, as far as the workspace allows it)"
        )

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        expires_in = options["expires_in"]
        rotated = rotation.rotate_secret(
            client=require_client(options["client_id"]),
            overlap=parse_duration(options["overlap"]),
            name=options["name"],
            lifetime=None if expires_in is None else parse_lifetime(expires_in),
            actor=actor,
            now=now,
        )
        return {
            "client_id": rotated.secret.client.client_id,
            "client_secret": rotated.plaintext,
            "secret_id": rotated.secret.secret_id,
            "expires_at": iso(rotated.secret.expires_at),
            "previous": [{"secret_id": secret.secret_id, "expires_at": iso(secret.expires_at)} for secret in rotated.previous],
        }
