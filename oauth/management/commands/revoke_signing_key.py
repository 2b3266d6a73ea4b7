"""manage.py revoke_signing_key: revokes a key that was stolen."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from clients.management.base import JSONCommand
from clients.moment import iso
from clients.services.audit import Actor
from oauth import services
from oauth.database_clock import read_clocks


class Command(JSONCommand):
    help = "Remove a stolen key from the JWKS at once; every token that it signed stops working. Another key signs from then on."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("kid", metavar="KID")

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        # All nodes go by the times of the key that signs from now on.
        now = read_clocks().now
        key, signing = services.revoke_signing_key(kid=options["kid"], actor=actor, now=now)
        return {"kid": key.kid, "state": key.state(now), "revoked_at": iso(key.revoked_at), "signing_kid": signing.kid, "signing_algorithm": signing.algorithm}
