"""How a moment is written: as JSON and the audit log have it."""

from datetime import datetime


def iso(moment: datetime | None) -> str | None:
    """RFC 3339."""
    return None if moment is None else moment.isoformat()
