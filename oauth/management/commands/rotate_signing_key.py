"""manage.py rotate_signing_key: makes a new key for signing access tokens."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from clients.management.base import JSONCommand
from clients.moment import iso
from clients.services.audit import Actor
from oauth import services
from oauth.database_clock import read_clocks
from oauth.models import SigningKey


class Command(JSONCommand):
    help = (
        "Publish a new signing key. It starts signing once every cached JWKS is sure to contain it; the old one stays published until its last token expires."
    )

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("--algorithm", metavar="|".join(SigningKey.Algorithm.values), help="default: that of the key that signs now")
        parser.add_argument("--now", action="store_true", help="sign with it at once")

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        # All nodes go by the key's times. If they came from a wrong clock, the key would sign too early, or not at all for a while.
        now = read_clocks().now
        rotated = services.rotate_signing_key(algorithm=options["algorithm"], immediately=options["now"], actor=actor, now=now)
        return {
            "kid": rotated.key.kid,
            "algorithm": rotated.key.algorithm,
            "state": rotated.key.state(now),
            "activates_at": iso(rotated.key.activates_at),
            "previous": [{"kid": key.kid, "algorithm": key.algorithm, "state": key.state(now), "retires_at": iso(key.retires_at)} for key in rotated.previous],
        }
