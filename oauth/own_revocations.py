"""Limits how many of its own tokens a client may revoke in an hour. The audit log has an event for each of the first few, and one event with the number of the
rest.

Audit events can't be removed for more than a year, and a client may get any number of tokens: one event each would fill the disk for all workspaces.
"""

from datetime import UTC, datetime

from django.db import transaction

from clients.models import Client
from clients.moment import iso
from clients.services import audit
from clients.services.audit import Actor
from oauth import throttling
from oauth.models import FailureCount

# Per hour, by the node's clock.
MAX = 100
# A revoked token is a row until a week after it expires.
MAX_REVOKED = 20_000

_HOUR = 3600
_PREFIX = "own revocations "


def is_one_of_few(client: Client, *, now: datetime) -> bool:
    """Count one revocation, over all workers. False if the hour already has MAX of them: record_rest writes the number of the others."""
    left = _HOUR - int(now.timestamp()) % _HOUR
    return throttling.count(_key(client.pk, now), now=now, window=left).failures <= MAX


def is_too_many(client_pk: int, *, now: datetime) -> bool:
    """Whether the hour already has MAX_REVOKED of them. It only reads."""
    return throttling.has_reached(_key(client_pk, now), MAX_REVOKED, now=now)


def _key(client_pk: int, now: datetime) -> str:
    return f"{_PREFIX}{int(now.timestamp()) // _HOUR} {client_pk}"


def record_rest(*, now: datetime) -> None:
    """For each client and each past hour, write one event with the number that is_one_of_few left out."""
    over = FailureCount.objects.filter(key__startswith=_PREFIX, failures__gt=MAX, window_ends__lt=int(now.timestamp()))
    with transaction.atomic():
        # The rows are locked, so that another process that does the same finds none afterwards.
        counts = {counted.key.removeprefix(_PREFIX): counted for counted in over.select_for_update().order_by("pk")}
        FailureCount.objects.filter(pk__in=[counted.pk for counted in counts.values()]).delete()
        for key, counted in counts.items():
            hour, client_pk = (int(part) for part in key.split())
            since, until = (iso(datetime.fromtimestamp(at * _HOUR, UTC)) for at in (hour, hour + 1))
            # If the client was deleted meanwhile, its deletion stays its last event.
            for client in Client.objects.select_related("workspace").filter(pk=client_pk):
                audit.record(
                    "token.more_revoked",
                    workspace=client.workspace,
                    actor=Actor(f"client:{client.client_id}"),
                    target_type="client",
                    target_id=client.client_id,
                    now=now,
                    after={"tokens": counted.failures - MAX, "since": since, "until": until},
                )
