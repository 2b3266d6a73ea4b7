"""Finds a client's secrets that are in a rotation's overlap, and since when. Pure."""

from collections.abc import Iterable
from datetime import datetime

from clients.models import ClientSecret


def find_overlaps(secrets: Iterable[ClientSecret], now: datetime) -> dict[str, datetime]:
    """Each usable secret whose expiry was moved while a newer secret lasts longer, by ID, with the time since which both have worked.

    secrets: one client's.
    """
    usable = sorted((secret for secret in secrets if secret.is_usable(now)), key=lambda secret: (secret.created_at, secret.pk))
    found = {}
    for number, old in enumerate(usable):
        successor = next((new for new in usable[number + 1 :] if _outlives(new, old)), None)
        if old.has_other_end and successor is not None:
            found[old.secret_id] = successor.created_at
    return found


def _outlives(new: ClientSecret, old: ClientSecret) -> bool:
    return old.expires_at is not None and (new.expires_at is None or new.expires_at > old.expires_at)
