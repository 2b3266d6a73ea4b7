"""Mail to a member about somebody's acts, limited per hour. This keeps many acts from filling a mailbox. It can't hide an act, because one more email lists the
rest.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dashboard.instance import mail
from dashboard.models import User
from dashboard.people.quotas import may_notify_member


def tell_member(name: str, address: str, context: Mapping[str, Any], *, by: User | None, now: datetime, takes_place: bool = True, places: str = "") -> bool:
    """Returns whether the mail is sent, like mail.send_later. by: None for the operator. takes_place: whether it counts against by's limit."""
    if by is not None and not may_notify_member(address, by=by, now=now):
        mail.gather(name, address, context)
        return True
    return mail.send_later(name, [address], context, by=by if takes_place else None, places=places)
