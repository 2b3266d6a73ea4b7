"""manage.py create_workspace: a workspace, with its owner."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from clients.management.base import JSONCommand
from clients.services.audit import Actor
from dashboard import services


class Command(JSONCommand):
    help = "Make a workspace with the scopes read and write. An owner without an account gets one, and its password is shown once."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("slug", metavar="SLUG")
        parser.add_argument("--name", default="", help="default: the slug")
        parser.add_argument("--owner", metavar="EMAIL")

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        password = services.generate_password()
        workspace, owner = services.create_workspace(
            slug=options["slug"], name=options["name"], owner=options["owner"], owner_password=password, actor=actor, now=now
        )
        result = {"workspace": workspace.slug, "owner": owner and owner.email}
        # An account that was there before keeps its password.
        return {**result, "owner_password": password} if owner and owner.created_at == now else result

    def render(self, result: Mapping[str, Any]) -> str:
        notes = ["It works nowhere yet: /admin/ lets in the instance's administrator only."] if "owner_password" in result else []
        return "\n".join([super().render(result), *notes])
