"""manage.py hand_over_audience: gives an audience to another workspace."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from clients.management.arguments import require_workspace
from clients.management.base import JSONCommand
from clients.services.audiences import hand_over_audience
from clients.services.audit import Actor


class Command(JSONCommand):
    help = "Give an audience to a workspace. The previous workspace's clients get no more tokens for it."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("audience", metavar="URI")
        parser.add_argument("--workspace", required=True, metavar="SLUG", help="the workspace that gets it")

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        done = hand_over_audience(uri=options["audience"], workspace=require_workspace(options["workspace"]), actor=actor, now=now)
        return {
            "audience": done.audience.uri,
            "workspace": done.audience.workspace.slug,
            "previous": done.previous,
            "clients_withheld": done.withheld,
            "clients_released": done.released,
        }
