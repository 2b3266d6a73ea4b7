"""How many credentials of one client somebody makes within an hour: each is a row and an audit event that stay, though it may end at once.

By one person or command, so that nobody uses up the number of others.
"""

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError

from clients.models import ClientCertificate, ClientPublicKey, ClientSecret

MOST_AN_HOUR = 60


def require_rate(row: ClientSecret | ClientPublicKey | ClientCertificate, *, noun: str, now: datetime) -> None:
    """row: what is to be saved next. Raise ValidationError where as many of its kind were made."""
    of_client = type(row)._default_manager.filter(client=row.client)
    if of_client.filter(created_by=row.created_by, created_at__gt=now - timedelta(hours=1)).count() >= MOST_AN_HOUR:
        raise ValidationError(
            f"You made {MOST_AN_HOUR} {noun}s of this client within an hour, which is the most. Make the next one later.",
            code=f"too_many_{noun.replace(' ', '_')}s",
        )
