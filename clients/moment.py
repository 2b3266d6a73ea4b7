"""Writes a point in time for JSON and the audit log."""

from datetime import datetime


def iso(moment: datetime | None) -> str | None:
    """RFC 3339."""
    return None if moment is None else moment.isoformat()
