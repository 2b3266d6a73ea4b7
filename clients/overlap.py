"""Which secrets of a client a rotation lets run out, and since when. Pure."""

from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise

from clients.models import ClientSecret


def find_overlaps(secrets: Iterable[ClientSecret], now: datetime) -> dict[str, datetime]:
    """By its ID each usable secret whose end was moved while a newer one works, with the moment from which on both did. secrets: of one client."""
    usable = sorted((secret for secret in secrets if secret.is_usable(now)), key=lambda secret: (secret.created_at, secret.pk))
    return {old.secret_id: new.created_at for old, new in pairwise(usable) if old.has_other_end}
