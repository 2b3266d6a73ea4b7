"""Where the password of an account comes from, by the audit log: one that a command set is known to whoever ran it."""

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
    """One query. None where the audit log doesn't tell: it keeps no event for ever, and names the account by an address that may have changed since."""
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
