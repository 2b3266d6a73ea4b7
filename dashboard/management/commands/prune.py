"""manage.py prune: deletes data older than its retention. The server also does this by itself."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError

from clients.management.base import JSONCommand
from clients.services.audit import Actor
from dashboard.background import prune
from oauth.database_clock import read_clocks


class Command(JSONCommand):
    help = "Delete data older than its retention, as the server does every hour."

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:  # noqa: ARG002  # it goes by the database's clock
        clocks = read_clocks()
        if clocks.is_off:
            raise ValidationError(f"{clocks} Nothing was removed. Synchronise both machines with NTP, then run the command again.", code="clock_off")
        return prune.prune(now=clocks.now)
