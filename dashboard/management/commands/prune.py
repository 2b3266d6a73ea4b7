"""manage.py prune: remove what is past its retention. The server does it by itself as well."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from clients.management.base import JSONCommand
from clients.services.audit import Actor
from dashboard import services


class Command(JSONCommand):
    help = "Remove what is past its retention, as the server does by itself."

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:  # noqa: ARG002  # it has no arguments
        return services.prune(now=now)
