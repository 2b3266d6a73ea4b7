"""Web Authentication Level 3 §6.1.1: the signature counter of a passkey. If it doesn't grow, somebody may have copied the passkey.

Passkeys that are synced between devices leave it at 0. A row keeps the counter of its passkey's last use.
"""

from datetime import datetime
from typing import Any

from allauth.mfa.models import Authenticator
from django.db import transaction

from clients.services.audit import Actor
from dashboard.people import second_factors
from dashboard.people.account_events import record

_COUNTER = "counter"


def use_passkey(*, passkey: Any, counter: int, actor: Actor, now: datetime) -> bool:
    """Record a use of the passkey. Returns False if it may be a copy's, which must be refused and isn't recorded (§7.2 step 22)."""
    with transaction.atomic():
        present = Authenticator.objects.select_for_update().filter(pk=passkey.pk).first()
        if present is None:
            return False
        last = _last_counter(present)
        if counter <= last and (counter, last) != (0, 0):
            return False
        present.data[_COUNTER] = counter
        present.save(update_fields=["data"])
        second_factors.record_use(factor=present, actor=actor, now=now)
    return True


def record_refusal(*, passkey: Any, counter: int, actor: Actor, now: datetime) -> None:
    with transaction.atomic():
        before, after = {"counter": _last_counter(passkey)}, {"name": second_factors.name_of(passkey), "counter": counter}
        record("user.passkey_refused", passkey.user, actor=actor, now=now, before=before, after=after)


def _last_counter(passkey: Any) -> int:
    """Before the first use, the counter of the registration."""
    return int(passkey.data[_COUNTER] if _COUNTER in passkey.data else passkey.wrap().authenticator_data.counter)
