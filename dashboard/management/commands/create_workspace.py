"""manage.py create_workspace: makes a workspace and its owner."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser

from clients.management.base import JSONCommand
from clients.models import Workspace
from clients.services.audit import Actor
from dashboard.models import User
from dashboard.people import passwords, workspaces

_GIVE_ONE = ".venv/bin/python manage.py create_workspace {slug} --owner EMAIL"


class Command(JSONCommand):
    help = "Create a workspace with the scopes read and write, or give an owner to an existing one that has none. A new account's password is shown once."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("slug", metavar="SLUG")
        parser.add_argument("--name", default="", help="default: the slug")
        parser.add_argument("--owner", metavar="EMAIL", help="its owner; without one nobody can open it in the dashboard")

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        slug, email, password = options["slug"], options["owner"], passwords.generate_password()
        owner: User | None
        ownerless = Workspace.objects.filter(slug=slug).first()
        if ownerless is None or workspaces.has_owner(ownerless):
            _, owner = workspaces.create_workspace(slug=slug, name=options["name"], owner=email, owner_password=password, actor=actor, now=now)
        elif email is None:
            raise ValidationError(f"The workspace {slug} already exists but has no owner. Give it one: {_GIVE_ONE.format(slug=slug)}", code="slug_taken")
        else:
            owner = workspaces.give_first_owner(workspace=ownerless, owner=email, owner_password=password, actor=actor, now=now)
        result = {"workspace": slug, "owner": owner and owner.email}
        # An existing account keeps its password.
        return {**result, "owner_password": password} if owner and owner.created_at == now else result

    def render(self, result: Mapping[str, Any]) -> str:
        notes = ["The account can't open /admin/: only the instance's administrators can."] if "owner_password" in result else []
        if result["owner"] is None:
            notes = [f"Warning: Nobody can open {result['workspace']} in the dashboard. Give it an owner: {_GIVE_ONE.format(slug=result['workspace'])}"]
        return "\n".join([super().render(result), *notes])
