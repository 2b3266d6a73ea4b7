"""Forms whose answer shows a secret once. Each carries a one-time token, so that a second click, a reload or Back makes nothing more.

The view asks find_spent before it acts, and hands a service a function that spends the token in the service's own transaction: of two that come at the same
moment one fails with FormSpentError, and has written nothing.
"""

import re
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import IntegrityError
from django.http import HttpRequest

from dashboard.models import SpentForm, User

# Of the hidden field. Not “token”: it is no secret, and has to outlive a sign-in with the other entries.
FIELD = "once"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")


class FormSpentError(Exception):
    """Another request with the same form was faster."""


def new_token() -> str:
    return secrets.token_urlsafe(24)


def is_token(text: str) -> bool:
    return _TOKEN.fullmatch(text) is not None


def find_spent(request: HttpRequest) -> SpentForm | None:
    """What became of the form that the request holds; None where it is still good."""
    token = request.POST.get(FIELD, "")
    return SpentForm.objects.filter(token=token).first() if is_token(token) else None


def spend(*, token: str, user: User, made: str, now: datetime) -> None:
    """To be called in the transaction that makes it. Raise FormSpentError, after which that must be rolled back."""
    try:
        SpentForm.objects.create(token=token, user=user, made=made, created_at=now)
    except IntegrityError as error:
        raise FormSpentError from error


def spending(*, token: str, user: User, name: Callable[[Any], str], now: datetime) -> Callable[[Any], None]:
    """For the argument also of a service. name: the ID of what the service made."""

    def also(made: Any) -> None:
        spend(token=token, user=user, made=name(made), now=now)

    return also
