"""manage.py add_public_key: adds public keys whose private keys sign a client's assertions."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from clients.duration import parse_duration
from clients.management.arguments import read_credentials, require_client
from clients.management.base import JSONCommand, warn
from clients.moment import iso
from clients.public_key import read_public_keys
from clients.services import public_keys
from clients.services.audit import Actor
from clients.services.shared_credentials import warn_of_shared
from clients.services.usability import warn_of_public_keys


class Command(JSONCommand):
    help = "Register a client's public keys for private_key_jwt. The others stay as they are."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("client_id", metavar="CLIENT_ID")
        parser.add_argument("file", metavar="FILE", help="a PEM public key or certificate, a JWK or a JWK Set, without private keys")
        parser.add_argument("--name", default="")
        parser.add_argument("--expires-in", metavar="DURATION", help="for example 365d (default: never; for a certificate, when it expires)")

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        expires_in = options["expires_in"]
        client = require_client(options["client_id"])
        keys = public_keys.add_public_keys(
            client=client,
            parsed=read_credentials(options["file"], read_public_keys, workspace=client.workspace),
            name=options["name"],
            lifetime=None if expires_in is None else parse_duration(expires_in),
            actor=actor,
            now=now,
        )
        return {
            "client_id": client.client_id,
            "kid": keys[0].kid,
            "kids": [key.kid for key in keys],
            "algorithm": keys[0].algorithm or None,
            "expires_at": iso(keys[0].expires_at),
            "auth_methods": client.auth_methods,
            **warn([*warn_of_public_keys(client), *warn_of_shared(keys, client=client)]),
        }
