"""Mail before a credential expires: to the client's contact, 30 days, 7 days and 1 day before, and an hour before the expiry of a rotated secret that is still
in use.

Each email is sent once. If the mail server accepts nothing, the round ends, and the next round begins at the same place. An address that the server refuses
counts as missing, and an email that failed in one round comes last in the next: otherwise three failing emails would end each round, and the emails behind them
would never be sent.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from itertools import islice
from typing import Any, cast

from django.db.models import Q
from django.urls import reverse

from clients.models import Client, ClientSecret
from clients.models.credentials import KINDS, AnyCredential, Credential
from clients.overlap import find_overlaps
from clients.services.retention import delete_in_batches
from dashboard.client import impact
from dashboard.frame.credential_names import call_credential
from dashboard.frame.moment import say_length
from dashboard.instance import mail
from dashboard.models import ExpiryNotice
from dashboard.people.recipients import admins_of, may_have_notice, present_owner_of, would_have_notice

STEPS = (timedelta(days=1), timedelta(days=7), timedelta(days=30))
OVERLAP_STEP = timedelta(hours=1)
# Within this time, the admins are also told if the credential is still in use.
_URGENT = timedelta(days=1)
_BATCH = 200
MAX_A_ROUND = 100
# At most this many for one workspace while others wait.
PART_OF_WORKSPACE = 20
# Shorter than the time until the next round, which another process runs and which would send the same emails.
ROUND_SECONDS = 240
_MAX_FAILURES = 3
# The names of the notices that failed in this process.
_failed: deque[str] = deque(maxlen=1000)


@dataclass(frozen=True, slots=True)
class Due:
    """step: the shortest one that is due."""

    credential: Credential
    client: Client
    ends_at: datetime
    step: timedelta
    is_in_overlap: bool


class _Outcome(Enum):
    """TOLD: also if there is no address to tell. REFUSED: the server refused all addresses."""

    TOLD = auto()
    REFUSED = auto()
    SERVER_FAILED = auto()


def send_due(*, now: datetime, is_over: Callable[[], bool] = lambda: False) -> int:
    """Send at most MAX_A_ROUND; returns how many. is_over: whether to stop before the next one."""
    delete_in_batches(ExpiryNotice.objects.filter(ends_at__lt=now))
    sent, failed, ends = 0, 0, time.monotonic() + ROUND_SECONDS
    for due in islice(_put_in_turn(find_due(now=now)), MAX_A_ROUND):
        outcome = _send(due, now=now)
        sent += outcome is _Outcome.TOLD
        if outcome is _Outcome.SERVER_FAILED:
            failed += 1
            _failed.append(_name(due.credential, due.client))
        if failed == _MAX_FAILURES or time.monotonic() > ends or is_over():
            break
    return sent


def _put_in_turn(found: Iterable[Due]) -> Iterator[Due]:
    """Notices that failed before come last. Before them come those of a workspace that has had its share of the round, so that workspaces take turns."""
    before, failed, late = set(_failed), [], []
    had: Counter[int] = Counter()
    for due in found:
        if _name(due.credential, due.client) in before:
            failed.append(due)
        elif had[due.client.workspace_id] >= PART_OF_WORKSPACE:
            late.append(due)
        else:
            had[due.client.workspace_id] += 1
            yield due
    yield from late
    yield from failed


def find_due(*, now: datetime) -> Iterator[Due]:
    """Notices that haven't been sent yet, the earliest expiry first."""
    for kind in KINDS:
        rows = (
            kind.objects.usable(now)
            .filter(expires_at__lte=now + max(STEPS), client__status=Client.Status.ENABLED, client__workspace__deletes_at=None)
            .select_related("client__workspace")
            .order_by("expires_at", "pk")
        )
        after: tuple[datetime, int] | None = None
        while batch := cast(list[AnyCredential], list(rows.filter(_behind(after))[:_BATCH])):
            yield from _find_due_in(batch, now=now)
            after = (batch[-1].expires_at or now, batch[-1].pk)


def _behind(after: tuple[datetime, int] | None) -> Q:
    return Q() if after is None else Q(expires_at__gt=after[0]) | Q(expires_at=after[0], pk__gt=after[1])


def _find_due_in(rows: Sequence[AnyCredential], *, now: datetime) -> Iterator[Due]:
    told = set(ExpiryNotice.objects.filter(credential__in=[_name(row, row.client) for row in rows]).values_list("credential", "ends_at", "step"))
    ending = [row.client_id for row in rows if isinstance(row, ClientSecret)]
    secrets: dict[int, list[ClientSecret]] = {}
    for secret in ClientSecret.objects.usable(now).filter(client__in=ending):
        secrets.setdefault(secret.client_id, []).append(secret)
    for row in rows:
        overlaps = find_overlaps(secrets.get(row.client_id, ()), now) if isinstance(row, ClientSecret) else {}
        due = _find_step(row, is_in_overlap=row.credential_id in overlaps, since=overlaps.get(row.credential_id), now=now)
        if due is not None and (_name(row, row.client), due.ends_at, int(due.step.total_seconds())) not in told:
            yield due


def _find_step(row: AnyCredential, *, is_in_overlap: bool, since: datetime | None, now: datetime) -> Due | None:
    """The person who rotated a secret knows that the old one expires, so a notice is only sent if it is still in use."""
    if row.expires_at is None:
        return None
    left, length = row.expires_at - now, row.expires_at - row.created_at
    if is_in_overlap:
        is_used = row.last_used_at is not None and since is not None and row.last_used_at > max(since, now - impact.IN_USE)
        step = OVERLAP_STEP if left <= OVERLAP_STEP and is_used else None
    else:
        step = next((step for step in STEPS if left <= step < length), None)
    return None if step is None else Due(row, row.client, row.expires_at, step, is_in_overlap)


def _name(row: Credential, client: Client) -> str:
    return f"{client.client_id} {row.credential_id}"


def _send(due: Due, *, now: datetime) -> _Outcome:
    found = impact.of_credential(due.credential, client=due.client, now=now)
    workspace = due.client.workspace
    owner = [address for address in present_owner_of(due.client) if would_have_notice(address, workspace=workspace, by=workspace, now=now)]
    is_urgent = found.is_used and due.ends_at - now <= _URGENT
    context = {
        "client": due.client,
        "workspace": workspace,
        "credential": due.credential,
        "what": call_credential(due.credential),
        "ends_at": due.ends_at,
        "left": say_length(due.ends_at - now),
        "impact": found,
        "is_in_overlap": due.is_in_overlap,
        "url": _url(due),
    }
    admins = admins_of(workspace)
    # The admins get it too if it is urgent or there is no other address.
    recipients = list(dict.fromkeys([*owner, *admins] if is_urgent or not owner else owner))
    unsent = _tell(recipients, context)
    if recipients == unsent.refused == owner:
        recipients = admins
        unsent = _tell(recipients, context)
    if recipients and len(unsent.addresses) == len(recipients):
        return _Outcome.REFUSED if unsent.refused == recipients else _Outcome.SERVER_FAILED
    for address in set(owner).intersection(recipients).difference(unsent.addresses):
        may_have_notice(address, workspace=workspace, by=workspace, now=now)
    step = int(due.step.total_seconds())
    ExpiryNotice.objects.get_or_create(credential=_name(due.credential, due.client), ends_at=due.ends_at, step=step, defaults={"created_at": now})
    return _Outcome.TOLD


def _tell(recipients: Sequence[str], context: Mapping[str, Any]) -> mail.Unsent:
    return mail.send_each("credential_ends", dict.fromkeys(recipients, context)) if recipients else mail.Unsent([], [])


def _url(due: Due) -> str:
    """The page where the reader can act."""
    arguments = [due.client.workspace.slug, due.client.client_id]
    if due.is_in_overlap:
        return reverse("secret_extend", args=[*arguments, due.credential])
    return reverse("rotate" if isinstance(due.credential, ClientSecret) else f"{due.credential.SHORT_NAME}_new", args=arguments)
