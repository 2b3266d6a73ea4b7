"""Mail to a member about what somebody does, a number of them within an hour: whoever does much fills nobody's mailbox, and hides nothing by it, for one mail
lists what is beyond.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dashboard.instance import mail
from dashboard.models import User
from dashboard.people.quotas import may_notify_member


def tell_member(name: str, address: str, context: Mapping[str, Any], *, by: User | None, now: datetime, takes_place: bool = True, places: str = "") -> bool:
    """Whether it goes there, as mail.send_later says it. by: None for who has the machine. takes_place: whether it takes one of those that by has."""
    if by is not None and not may_notify_member(address, by=by, now=now):
        mail.gather(name, address, context)
        return True
    return mail.send_later(name, [address], context, by=by if takes_place else None, places=places)
