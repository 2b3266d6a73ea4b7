"""Forms whose response shows a secret once. Each has a one-time token, so that a second click, a reload or Back doesn't make another secret.

The view calls find_spent before it acts, and gives the service a function that spends the token in the service's own transaction: if two requests come at the
same moment, one fails with FormSpentError and writes nothing.
"""

import re
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import IntegrityError
from django.http import HttpRequest

from dashboard.models import SpentForm, User

# The name of the hidden field. It isn't “token”, because the value isn't secret and must survive a sign-in like the other entries.
FIELD = "once"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")


class FormSpentError(Exception):
    """Another request with the same form was faster."""


def new_token() -> str:
    return secrets.token_urlsafe(24)


def is_token(text: str) -> bool:
    return _TOKEN.fullmatch(text) is not None


def find_spent(request: HttpRequest) -> SpentForm | None:
    """The result of the form in the request; None if its token hasn't been spent."""
    token = request.POST.get(FIELD, "")
    return SpentForm.objects.filter(token=token).first() if is_token(token) else None


def spend(*, token: str, user: User, made: str, now: datetime) -> None:
    """Call it in the transaction that makes the secret. If it raises FormSpentError, that transaction must be rolled back."""
    try:
        SpentForm.objects.create(token=token, user=user, made=made, created_at=now)
    except IntegrityError as error:
        raise FormSpentError from error


def spending(*, token: str, user: User, name: Callable[[Any], str], now: datetime) -> Callable[[Any], None]:
    """A function for a service's argument also. name: returns the ID of the thing that the service made."""

    def also(made: Any) -> None:
        spend(token=token, user=user, made=name(made), now=now)

    return also
