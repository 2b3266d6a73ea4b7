"""manage.py allow_passwords: opens a workspace to other ways of signing in if single sign-on is broken."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from clients.management.arguments import require_workspace
from clients.management.base import JSONCommand
from clients.services.audit import Actor
from dashboard.people.sso import admission


class Command(JSONCommand):
    help = "Let members into a workspace without single sign-on again. For each member whose role came from single sign-on, add --member EMAIL."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("workspace", metavar="WORKSPACE", help="its slug")
        help_member = "email address of a member whose role came from single sign-on; from then on the role counts as given by hand; may be given several times"
        parser.add_argument("--member", metavar="EMAIL", action="append", default=[], help=help_member)

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        workspace = require_workspace(options["workspace"])
        changed, members = admission.allow_passwords(workspace=workspace, members=options["member"], actor=actor, now=now)
        return {"workspace": workspace.slug, "changed": changed, "members": members}
