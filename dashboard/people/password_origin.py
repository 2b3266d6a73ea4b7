"""Finds the origin of an account's password in the audit log: if a command set it, the person who ran the command knows it."""

from dataclasses import dataclass
from datetime import datetime

from clients.models import AuditEvent
from dashboard.models import User


@dataclass(frozen=True, slots=True)
class Origin:
    """changed_at: None for the first one. is_by_operator: whether a command set it."""

    changed_at: datetime | None
    is_by_operator: bool


def find_origin(user: User) -> Origin | None:
    """The origin, found in one query. None if the audit log doesn't say: events are deleted after a time, and they name the account by an address that may
    have changed.
    """
    events = AuditEvent.objects.filter(
        target_type="user", target_id=user.audit_name, event__in=("user.created", "user.password_changed", "user.password_reset")
    )
    last = events.order_by("-pk").only("event", "created_at", "actor").first()
    if last is None:
        return None
    return Origin(
        changed_at=None if last.event == "user.created" else last.created_at,
        is_by_operator=user.has_usable_password() and last.actor.startswith("command:"),
    )
