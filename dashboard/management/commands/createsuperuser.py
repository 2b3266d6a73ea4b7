"""manage.py createsuperuser: names the commands to use instead. Django's command of this name would make an account without an audit event."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError

from clients.management.base import JSONCommand
from clients.services.audit import Actor


class Command(JSONCommand):
    help = "Creates nothing, and says what to use instead: prepare creates the administrator's account, changepassword sets its password."

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:  # noqa: ARG002  # it does nothing
        raise CommandError(
            "TokenOS has no createsuperuser: “.venv/bin/python manage.py prepare” makes the instance's administrator at the first start. "
            "For a new password, run “.venv/bin/python manage.py changepassword EMAIL”."
        )

    def run_from_argv(self, argv: list[str]) -> None:
        """The answer is the same with all of Django's options."""
        super().run_from_argv([*argv[:2], *(argument for argument in argv[2:] if argument in ("--help", "-h"))])
