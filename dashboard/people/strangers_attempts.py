"""What anybody can have the audit log say of accounts: of a day each of the first ones, and of the rest the number.

Nobody may remove an audit event for more than a year, and strangers come from as many addresses as they like: one event each would fill the disk.
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
from oauth.throttling import count, widest_network_of

# Within a day of UTC: from one network, and from all. Whose account it is about, and whether there is one, decides nothing: it would show in how long it takes.
MOST_OF_NETWORK = 500
MOST = 5000

_DAY = 86_400
_LISTED, _UNLISTED = "listed ", "unlisted "


def record_attempt(event: str, user: User | None, *, actor: Actor, now: datetime, after: Mapping[str, Any] | None = None) -> None:
    """As account_events.record. Beyond the day's number it is only counted: record_rest says how many more there were."""
    day, passed = divmod(int(now.timestamp()), _DAY)
    network = widest_network_of(actor.address) if actor.address else "unknown"
    # What is refused for its network takes nothing of the number of all.
    for key, most in ((f"{_LISTED}{day} {network}", MOST_OF_NETWORK), (f"{_LISTED}{day}", MOST)):
        if count(key, now=now, window=_DAY - passed).failures > most:
            count(f"{_UNLISTED}{day} {event}", now=now, window=_DAY - passed)
            return
    with transaction.atomic():
        record(event, user, actor=actor, now=now, after=after)


def record_rest(*, now: datetime) -> None:
    """Write, of each event and day that is over, one event that counts what record_attempt left out."""
    over = FailureCount.objects.filter(key__startswith=_UNLISTED, window_ends__lt=int(now.timestamp()))
    with transaction.atomic():
        # Locked: another process that counts them too finds none afterwards.
        counts = list(over.select_for_update().order_by("pk"))
        FailureCount.objects.filter(pk__in=[counted.pk for counted in counts]).delete()
        for counted in counts:
            day, event = counted.key.removeprefix(_UNLISTED).split(" ")
            since, until = (iso(datetime.fromtimestamp(at * _DAY, UTC)) for at in (int(day), int(day) + 1))
            after = {"event": event, "attempts": counted.failures, "since": since, "until": until}
            record("user.more_attempts", None, actor=SYSTEM, now=now, after=after)


def record_failed_sign_in(*, email: str, actor: Actor, now: datetime) -> None:
    """email: as typed. It is kept only where it is an account's: people type passwords there by mistake."""
    record_attempt("user.sign_in_failed", User.objects.filter(email=email.strip().lower()).first(), actor=actor, now=now)
