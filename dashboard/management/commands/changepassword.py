"""manage.py changepassword: give an account a new password, with its audit event, which Django's command of this name leaves out."""

import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from datetime import datetime
from getpass import getpass
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser

from clients.management.base import JSONCommand
from clients.services.audit import Actor
from dashboard import mail
from dashboard.mail import notices
from dashboard.models import User
from dashboard.services import set_password


class Command(JSONCommand):
    help = "Give an account a new password, asked for twice, or read as one line from standard input. Its open sessions end. Told by mail."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="EMAIL")

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        user = User.objects.filter(email=options["email"].strip().lower()).first()
        if user is None:
            raise ValidationError(f"There is no account “{options['email'][:80]}”. Give the e-mail address that it signs in with.", code="unknown_account")
        password = _ask()
        validate_password(password, user)
        set_password(user=user, password=password, actor=actor, now=now)
        # A backend that shows mail on the screen must not mix it with the result.
        with redirect_stdout(sys.stderr):
            is_told = mail.send("account_notice", [user.email], notices.describe("password_changed", now=now))
        return {"account": user.email, "password_changed_at": now.isoformat(), "told_by_mail": is_told}


def _ask() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass("New password: ")
    if getpass("Again: ") != password:
        raise ValidationError("The two passwords differ, so nothing was changed. Run the command again.", code="passwords_differ")
    return password
