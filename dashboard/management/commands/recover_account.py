"""manage.py recover_account: lets a person who has lost password, devices and recovery codes sign in again."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from clients.management.base import JSONCommand
from clients.services.audit import Actor
from dashboard.instance.addresses import page_url
from dashboard.management.accounts import require_account, tell_account
from dashboard.people import accounts


class Command(JSONCommand):
    help = (
        "Remove an account's password, second factors and single sign-on connection, end its sessions and the links that it made for others, and print a link "
        "that sets a new password once, within 1 hour. The owner is told by email."
    )

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="EMAIL")

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        user = require_account(options["email"])
        recovered = accounts.recover(user=user, actor=actor, now=now)
        return {
            "account": user.email,
            **recovered.counts,
            **tell_account("recovered", user, now=now),
            "reset_link": page_url(recovered.link),
            "reset_link_expires_at": (now + timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)).isoformat(),
        }
