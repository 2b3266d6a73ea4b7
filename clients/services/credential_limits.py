"""How many credentials of a kind a client has, and how many of one client somebody makes within an hour: each is a row and an audit event that stay, though it
may end at once.

By one person or command, so that nobody uses up the number of others.
"""

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError

from clients.models import ClientSecret
from clients.models.credentials import AnyCredential

MAX_USABLE = 50
MAX_AN_HOUR = 60


def require_room(row: AnyCredential, *, now: datetime) -> None:
    """row: what is to be saved next. Raise ValidationError where the client has too many of its kind, or got too many lately."""
    of_client, code = type(row)._default_manager.filter(client=row.client), f"too_many_{row.TARGET_TYPE}s"
    if of_client.usable(now).count() >= MAX_USABLE:
        do = "make" if isinstance(row, ClientSecret) else "add"
        raise ValidationError(f"The client has {MAX_USABLE} usable {row.NOUN}s. Revoke one before you {do} another.", code=code)
    if of_client.filter(created_by=row.created_by, created_at__gt=now - timedelta(hours=1)).count() >= MAX_AN_HOUR:
        raise ValidationError(f"You made {MAX_AN_HOUR} {row.NOUN}s of this client within an hour, which is the most. Make the next one later.", code=code)
