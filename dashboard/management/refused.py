"""Django's commands that TokenOS replaces with a sentence that names what to use instead."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError

from clients.management.base import JSONCommand
from clients.services.audit import Actor


class RefusedCommand(JSONCommand):
    """instead: the whole answer."""

    instead: str

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:  # noqa: ARG002  # it does nothing
        raise CommandError(self.instead)

    def run_from_argv(self, argv: list[str]) -> None:
        """The answer is the same with all of Django's options."""
        super().run_from_argv([*argv[:2], *(argument for argument in argv[2:] if argument in ("--help", "-h"))])
