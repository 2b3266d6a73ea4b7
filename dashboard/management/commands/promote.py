"""manage.py promote: lets an account administer the instance."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from clients.management.base import JSONCommand, warn
from clients.services.audit import Actor
from dashboard.management.accounts import require_account, tell_account
from dashboard.people import account_status, second_factors


class Command(JSONCommand):
    help = "Make an account an administrator of the instance, under /admin/. Its sessions end."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="EMAIL")

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        user = require_account(options["email"])
        ended = account_status.promote(user=user, actor=actor, now=now)
        return {
            "account": user.email,
            "is_administrator": True,
            "sessions_ended": ended.sessions,
            **tell_account("promoted", user, is_news=ended.has_changed, now=now),
            **warn([] if second_factors.has_strong(user) else [f"{user.email} has no second factor yet. Ask the person to add one."]),
        }
