"""manage.py hand_over_audience: give an audience to another workspace."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from clients.management.base import JSONCommand, require_workspace
from clients.services.audiences import hand_over_audience
from clients.services.audit import Actor


class Command(JSONCommand):
    help = "Make an audience that workspace's. Clients of the one whose it was get no more tokens for it."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("audience", metavar="URI")
        parser.add_argument("--workspace", required=True, metavar="SLUG", help="whose it is from now on")

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        done = hand_over_audience(uri=options["audience"], workspace=require_workspace(options["workspace"]), actor=actor, now=now)
        return {
            "audience": done.audience.uri,
            "workspace": done.audience.workspace.slug,
            "previous": done.previous,
            "clients_withheld": done.withheld,
            "clients_released": done.released,
        }
