"""Limits the audit events that strangers can cause about accounts: the first ones of a day are recorded one by one, and the others only as a number.

Audit events can't be removed for more than a year, and strangers may use any number of addresses: one event each would fill the disk.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from clients.moment import iso
from clients.services.audit import SYSTEM, Actor
from dashboard.models import User
from dashboard.people.account_events import record
from oauth.models import FailureCount
from oauth.sender_network import widest_network_of
from oauth.throttling import count

# Within a day (UTC): from one network, and from all together. The limits don't depend on the account, because the response time would show whether it exists.
MAX_OF_NETWORK = 500
MAX = 5000

_DAY = 86_400
_LISTED, _UNLISTED = "listed ", "unlisted "


def record_attempt(event: str, user: User | None, *, actor: Actor, now: datetime, after: Mapping[str, Any] | None = None) -> None:
    """Like account_events.record. Beyond the day's limit, the attempt is only counted: record_rest writes the number."""
    day, passed = divmod(int(now.timestamp()), _DAY)
    network = widest_network_of(actor.address) if actor.address else "unknown"
    # An attempt that the network's limit refuses doesn't count against the total limit.
    for key, most in ((f"{_LISTED}{day} {network}", MAX_OF_NETWORK), (f"{_LISTED}{day}", MAX)):
        if count(key, now=now, window=_DAY - passed).failures > most:
            count(f"{_UNLISTED}{day} {event}", now=now, window=_DAY - passed)
            return
    with transaction.atomic():
        record(event, user, actor=actor, now=now, after=after)


def record_rest(*, now: datetime) -> None:
    """For each event and each past day, write one event with the number that record_attempt left out."""
    over = FailureCount.objects.filter(key__startswith=_UNLISTED, window_ends__lt=int(now.timestamp()))
    with transaction.atomic():
        # The rows are locked, so that another process that does the same finds none afterwards.
        counts = list(over.select_for_update().order_by("pk"))
        FailureCount.objects.filter(pk__in=[counted.pk for counted in counts]).delete()
        for counted in counts:
            day, event = counted.key.removeprefix(_UNLISTED).split(" ")
            since, until = (iso(datetime.fromtimestamp(at * _DAY, UTC)) for at in (int(day), int(day) + 1))
            after = {"event": event, "attempts": counted.failures, "since": since, "until": until}
            record("user.more_attempts", None, actor=SYSTEM, now=now, after=after)


def record_failed_sign_in(*, email: str, actor: Actor, now: datetime) -> None:
    """email: as typed. It is only stored if an account has it, because people type passwords there by mistake."""
    record_attempt("user.sign_in_failed", User.objects.filter(email=email.strip().lower()).first(), actor=actor, now=now)
