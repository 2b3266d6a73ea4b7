"""manage.py allow_passwords: open a workspace to other sign-ins, where single sign-on is broken."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from clients.management.base import JSONCommand, require_workspace
from clients.services.audit import Actor
from dashboard.sso import admission


class Command(JSONCommand):
    help = "Let people into a workspace that opens by single sign-on only, however they signed in."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("workspace", metavar="WORKSPACE", help="its slug")

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        workspace = require_workspace(options["workspace"])
        return {"workspace": workspace.slug, "changed": admission.allow_passwords(workspace=workspace, actor=actor, now=now)}
