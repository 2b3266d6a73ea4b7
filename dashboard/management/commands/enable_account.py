"""manage.py enable_account: enables an account again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from clients.management.base import JSONCommand
from clients.services.audit import Actor
from dashboard.management.accounts import require_account, tell_account
from dashboard.people import account_status


class Command(JSONCommand):
    help = "Enable an account again. Earlier sessions and links don't come back."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="EMAIL")

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        user = require_account(options["email"])
        ended = account_status.enable_account(user=user, actor=actor, now=now)
        return {"account": user.email, "status": "active", **tell_account("enabled", user, is_news=ended.has_changed, now=now)}
