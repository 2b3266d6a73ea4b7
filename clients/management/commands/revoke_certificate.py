"""manage.py revoke_certificate: revokes one certificate at once."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from clients.certificate import parse_thumbprint
from clients.management.arguments import require_client
from clients.management.base import JSONCommand
from clients.moment import iso
from clients.services import certificates
from clients.services.audit import Actor


class Command(JSONCommand):
    help = "Revoke a certificate permanently, at once, with every token that it obtained."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("client_id", metavar="CLIENT_ID")
        parser.add_argument("thumbprint", metavar="THUMBPRINT", help="its x5t#S256, or its SHA-256 fingerprint in hexadecimal digits")

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        client, thumbprint = require_client(options["client_id"]), parse_thumbprint(options["thumbprint"])
        certificate = certificates.revoke_certificate(client=client, thumbprint=thumbprint, actor=actor, now=now)
        return {"client_id": client.client_id, "x5t#S256": certificate.thumbprint, "revoked_at": iso(certificate.revoked_at)}
