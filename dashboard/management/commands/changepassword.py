"""manage.py changepassword: gives an account a new password. Unlike Django's command of this name, it writes an audit event."""

import sys
from collections.abc import Mapping
from datetime import datetime
from getpass import getpass
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser

from clients.management.base import JSONCommand
from clients.services.audit import Actor
from dashboard.management.accounts import require_account, tell_account
from dashboard.people.passwords import set_password


class Command(JSONCommand):
    help = "Set a new password for an account. Asks for it twice, or reads one line from standard input. Open sessions end, and the owner is told by email."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="EMAIL")

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        user = require_account(options["email"])
        password = _ask()
        validate_password(password, user)
        set_password(user=user, hashed_password=make_password(password), actor=actor, now=now)
        return {"account": user.email, "password_changed_at": now.isoformat(), **tell_account("password_changed", user, now=now)}


def _ask() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass("New password: ")
    if getpass("Again: ") != password:
        raise ValidationError("The two passwords differ, so nothing was changed. Run the command again.", code="passwords_differ")
    return password
