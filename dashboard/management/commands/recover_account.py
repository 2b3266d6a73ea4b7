"""manage.py recover_account: let somebody in again who has lost password, devices and recovery codes."""

import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser

from clients.management.base import JSONCommand
from clients.services.audit import Actor
from dashboard import mail
from dashboard.addresses import page_url
from dashboard.mail import notices
from dashboard.models import User
from dashboard.people import accounts


class Command(JSONCommand):
    help = "Remove password and second factors of an account, end its sessions, and print a link that sets a new password once, within 1 hour. Told by mail."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="EMAIL")

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        user = User.objects.filter(email=options["email"].strip().lower()).first()
        if user is None:
            raise ValidationError(f"There is no account “{options['email'][:80]}”. Give the e-mail address that it signs in with.", code="unknown_account")
        recovered = accounts.recover(user=user, actor=actor, now=now)
        # A backend that shows mail on the screen must not mix it with the result.
        with redirect_stdout(sys.stderr):
            is_told = mail.send("account_notice", [user.email], notices.describe("recovered", now=now))
        return {
            "account": user.email,
            "second_factors_removed": recovered.factors,
            "sessions_ended": recovered.sessions,
            "told_by_mail": is_told,
            "reset_link": page_url(recovered.link),
            "reset_link_expires_at": (now + timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)).isoformat(),
        }
