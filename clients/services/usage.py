"""Counts what clients do: gathered in the process, written in batches.

Recording a request costs a few dictionary entries under a lock. flush() writes everything gathered since the last flush in one transaction. A killed process
loses what it hasn't flushed, so only counters, samples and last-used marks go through here.
"""

import logging
from bisect import bisect_left
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from django.conf import settings
from django.db import DataError, IntegrityError, transaction

from clients.models import AddressUse, ClientSecret, ResponseTime, ScopeUse, TokenCount, UsageBucket, WorkspaceUsage
from clients.models.credentials import Credential
from clients.secret import digest_secret, hash_secret, needs_digest, needs_rehash
from clients.services import retention
from clients.services.gathered import SLOT_SECONDS, Gathered, GrantedKey, RefusedKey, SampledRequest
from clients.services.request_sample import RequestSample
from clients.services.usage_rows import write

# The limits of ResponseTime, in milliseconds; longer times count under 0.
LIMITS_MS = (1, 2, 3, 5, 7, 10, 15, 25, 40, 60, 100, 250, 500, 1000, 2500, 5000)
_LIMITS = tuple(limit / 1000 for limit in LIMITS_MS)

logger = logging.getLogger("tokenos.usage")

_gathered = Gathered()
_sample = RequestSample()
_lock = Lock()
_flushing = Lock()


def record_granted(key: GrantedKey | tuple[Any, ...], *, request_id: str, elapsed: Callable[[], int | None], now: datetime) -> None:
    """Count one request, and store it if the sample takes it. key: the fields of GrantedKey. elapsed: returns the microseconds since now."""
    client, _, _, credential, endpoint, address, scopes, *_ = key
    with _lock:
        _gathered.requests += 1
        entry = _gathered.granted.get(key)
        if entry is None:
            _gathered.granted[key] = [1, now]
            doing = (credential, endpoint, address, scopes)
        else:
            entry[0] += 1
            entry[1] = now
            doing = None
        if _sample.takes(client, doing, int(now.timestamp())):
            _gathered.sampled.append(SampledRequest(GrantedKey(*key), request_id, elapsed(), now))


def record_refused(key: RefusedKey | tuple[Any, ...]) -> None:
    """Count one request. key: the fields of RefusedKey."""
    with _lock:
        _gathered.requests += 1
        _gathered.refused[key] = _gathered.refused.get(key, 0) + 1


def record_time(endpoint: str, seconds: float, now: datetime, *, is_failure: bool) -> None:
    """Count one response of the instance. is_failure: whether the server failed."""
    limit = bisect_left(_LIMITS, seconds)
    key = (int(now.timestamp()) // SLOT_SECONDS, endpoint, LIMITS_MS[limit] if limit < len(LIMITS_MS) else 0, is_failure)
    with _lock:
        _gathered.times[key] = _gathered.times.get(key, 0) + 1


def record_use(kind: type[Credential], *, pk: int, address: str, now: datetime) -> None:
    """Mark a credential as used."""
    with _lock:
        _gathered.last_used[kind._meta.db_table, pk] = (now, address)


def schedule_rehash(*, secret: int, plaintext: str) -> None:
    """Recompute the hash and digest of a secret that was just verified, at the next flush, outside the request."""
    with _lock:
        _gathered.outdated[secret] = plaintext


def count_gathered() -> int:
    """The number of requests that wait to be written."""
    return _gathered.requests


def _take() -> Gathered:
    global _gathered
    with _lock:
        taken, _gathered = _gathered, Gathered()
    return taken


def _rehash(outdated: dict[int, str]) -> None:
    for secret in ClientSecret.objects.filter(pk__in=list(outdated)):
        plaintext = outdated[secret.pk]
        fields: dict[str, str] = {}
        if needs_rehash(secret.hash):
            fields["hash"] = hash_secret(plaintext)
        if needs_digest(secret.digest):
            fields["digest"] = digest_secret(plaintext)
        if fields:
            ClientSecret.objects.filter(pk=secret.pk, hash=secret.hash).update(**fields)


def flush() -> None:
    """Write the gathered usage. If that fails, it stays gathered and the database's error is raised. A row that the database will never accept is dropped."""
    with _flushing:
        taken = _take()
        parts = [taken]
        try:
            while parts:
                parts[-1:] = _write(parts[-1])
            if taken.outdated:
                _rehash(taken.outdated)
        except Exception:
            with _lock:
                for part in parts:
                    _gathered.put_back(part)
                _gathered.outdated = taken.outdated | _gathered.outdated
            raise


def _write(part: Gathered) -> tuple[Gathered, ...]:
    """Write part in one transaction. If the database doesn't accept one of its rows, returns smaller parts to write instead."""
    try:
        if part.has_rows:
            with transaction.atomic():
                write(part)
    except (DataError, IntegrityError):
        if halves := part.halves():
            return halves
        logger.exception("Dropped usage that the database doesn't accept: %s", part)
    return ()


def prune(*, now: datetime) -> dict[str, int]:
    """Remove usage and requests past their retention, and counts of expired tokens. Returns the numbers of removed rows, by table."""
    ends = now - timedelta(days=settings.USAGE_RETENTION_DAYS)
    day = ends.date()
    rows = {
        "usage_buckets": UsageBucket.objects.filter(hour__lt=ends),
        "workspace_usage": WorkspaceUsage.objects.filter(hour__lt=ends),
        "address_uses": AddressUse.objects.filter(day__lt=day),
        "scope_uses": ScopeUse.objects.filter(day__lt=day),
        "token_counts": TokenCount.objects.filter(expires_at__lt=now),
        "response_times": ResponseTime.objects.filter(slot__lt=ends),
    }
    return {name: retention.delete_in_batches(query) for name, query in rows.items()} | {"requests": retention.prune_requests(now=now)}
