"""Limits a client's credentials of a kind, and how many somebody may make for a client within an hour: each leaves a row and an audit event, even if it is
ended at once.

The limit per hour is for each person or command, so that one can't use up the others' share.
"""

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError

from clients.models import ClientSecret
from clients.models.credentials import AnyCredential

MAX_USABLE = 50
MAX_AN_HOUR = 60


def require_room(row: AnyCredential, *, now: datetime) -> None:
    """row: the one to be saved next. Raise ValidationError if the client has too many of its kind, or recently got too many."""
    of_client, code = type(row)._default_manager.filter(client=row.client), f"too_many_{row.TARGET_TYPE}s"
    if of_client.usable(now).count() >= MAX_USABLE:
        do = "make" if isinstance(row, ClientSecret) else "add"
        raise ValidationError(f"The client has {MAX_USABLE} usable {row.NOUN}s. Revoke one before you {do} another.", code=code)
    if of_client.filter(created_by=row.created_by, created_at__gt=now - timedelta(hours=1)).count() >= MAX_AN_HOUR:
        raise ValidationError(f"You've reached the limit of {MAX_AN_HOUR} {row.NOUN}s per hour for this client. Try again later.", code=code)
