"""manage.py reencrypt_keys: re-encrypts stored keys after you add a new first entry to KEY_ENCRYPTION_KEYS."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from clients.management.base import JSONCommand
from clients.services.audit import Actor
from dashboard.instance.key_rotation import reencrypt_keys


class Command(JSONCommand):
    help = "Re-encrypt every private signing key and every TOTP secret with the first key in KEY_ENCRYPTION_KEYS."

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:  # noqa: ARG002  # it has no arguments
        return {"reencrypted": reencrypt_keys(actor=actor, now=now)}
