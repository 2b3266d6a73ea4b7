"""manage.py demote: takes away an account's right to administer the instance."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from clients.management.base import JSONCommand
from clients.services.audit import Actor
from dashboard.management.accounts import require_account, tell_account
from dashboard.people import account_status


class Command(JSONCommand):
    help = "Remove an account's administrator rights and end its sessions. The last active administrator can't be demoted."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="EMAIL")

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        user = require_account(options["email"])
        ended = account_status.demote(user=user, actor=actor, now=now)
        return {
            "account": user.email,
            "is_administrator": False,
            "sessions_ended": ended.sessions,
            **tell_account("demoted", user, is_news=ended.has_changed, now=now),
        }
