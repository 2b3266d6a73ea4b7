"""manage.py add_certificate: adds certificates that a client authenticates with."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from clients.certificate import read_certificates
from clients.management.arguments import read_credentials, require_client
from clients.management.base import JSONCommand, warn
from clients.moment import iso
from clients.services import certificates
from clients.services.audit import Actor
from clients.services.shared_credentials import warn_of_shared
from clients.services.usability import warn_of_certificates


class Command(JSONCommand):
    help = "Register a client's certificates for self_signed_tls_client_auth. The others stay as they are."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("client_id", metavar="CLIENT_ID")
        parser.add_argument("file", metavar="FILE", help="one or more certificates in PEM, without keys")
        parser.add_argument("--name", default="")

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        client = require_client(options["client_id"])
        parsed = read_credentials(options["file"], read_certificates, workspace=client.workspace)
        rows = certificates.add_certificates(client=client, parsed=parsed, name=options["name"], actor=actor, now=now)
        return {
            "client_id": client.client_id,
            "auth_methods": client.auth_methods,
            "certificates": [
                {"x5t#S256": row.thumbprint, "subject": row.subject, "valid_from": iso(row.valid_from), "expires_at": iso(row.expires_at)} for row in rows
            ],
            **warn([*warn_of_certificates(client), *warn_of_shared(rows, client=client)]),
        }
