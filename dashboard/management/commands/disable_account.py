"""manage.py disable_account: disables an account, so that nobody can sign in to it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from clients.management.base import JSONCommand, warn
from clients.services.audit import Actor
from dashboard.management.accounts import require_account, tell_account
from dashboard.people import account_status


class Command(JSONCommand):
    help = "Disable an account: nobody can sign in, and its sessions and the links that it made end at once. The last administrator can't be disabled."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="EMAIL")

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        user = require_account(options["email"])
        ended = account_status.disable_account(user=user, actor=actor, now=now)
        return {
            "account": user.email,
            "status": "disabled",
            "sessions_ended": ended.sessions,
            "invitations_withdrawn": ended.withdrawn.invitations,
            "hand_overs_withdrawn": ended.withdrawn.hand_overs,
            **tell_account("disabled", user, is_news=ended.has_changed, now=now),
            **warn([f"{slug} has no other owner who can sign in." for slug in account_status.find_ownerless(user)]),
        }
