"""Audit events about an account. They belong to the instance, because an account doesn't belong to a workspace."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from clients.services import audit
from clients.services.audit import Actor
from dashboard.models import User


def record(
    event: str, user: User | None, *, actor: Actor, now: datetime, before: Mapping[str, Any] | None = None, after: Mapping[str, Any] | None = None
) -> None:
    """Like clients.services.audit.record, in the transaction of the change. user: None for an address or person without an account."""
    target = user.audit_name if user else "unknown"
    audit.record(event, workspace=None, actor=actor, target_type="user", target_id=target, now=now, before=before, after=after)


def record_sign_out(*, user: User, actor: Actor, now: datetime) -> None:
    with transaction.atomic():
        record("user.signed_out", user, actor=actor, now=now)
