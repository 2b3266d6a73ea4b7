"""manage.py reencrypt_keys: after a new first entry in KEY_ENCRYPTION_KEYS."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from clients.management.base import JSONCommand
from clients.services.audit import Actor
from oauth import services


class Command(JSONCommand):
    help = "Encrypt every private key anew under the first of KEY_ENCRYPTION_KEYS."

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:  # noqa: ARG002  # it has no arguments
        return {"reencrypted": services.reencrypt_keys(actor=actor, now=now)}
