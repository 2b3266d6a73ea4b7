"""Counting what clients do: gathered in the process, written in one go.

record() costs a dictionary update under a lock. flush() writes everything gathered since the last one in one transaction; what a killed process had not
flushed is lost, which is why nothing but counters and last-used marks goes through here.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from clients.models import ClientSecret, UsageBucket
from clients.models.credentials import Credential
from clients.secret import digest_secret, hash_secret, needs_digest, needs_rehash
from clients.services import retention

GRANTED = "granted"

_Key = tuple[int, str, str, str, datetime]


@dataclass(slots=True)
class _Gathered:
    counts: dict[_Key, int] = field(default_factory=dict)
    last_used: dict[tuple[str, int], tuple[datetime, str]] = field(default_factory=dict)
    outdated: dict[int, str] = field(default_factory=dict)


_gathered = _Gathered()
_lock = Lock()
_flushing = Lock()


def record(*, client: int, credential: str, endpoint: str, outcome: str, now: datetime) -> None:
    """Count one request. client: its primary key. See UsageBucket for the rest."""
    key = (client, credential, endpoint, outcome, now.replace(minute=0, second=0, microsecond=0))
    with _lock:
        _gathered.counts[key] = _gathered.counts.get(key, 0) + 1


def record_use(kind: type[Credential], *, pk: int, address: str, now: datetime) -> None:
    """Mark a credential as used."""
    with _lock:
        _gathered.last_used[kind._meta.db_table, pk] = (now, address)


def schedule_rehash(*, secret: int, plaintext: str) -> None:
    """Have hash and digest of a secret, just verified, made anew at the next flush, off the request."""
    with _lock:
        _gathered.outdated[secret] = plaintext


def _take() -> _Gathered:
    global _gathered
    with _lock:
        taken, _gathered = _gathered, _Gathered()
    return taken


def _put_back(taken: _Gathered) -> None:
    with _lock:
        for key, count in taken.counts.items():
            _gathered.counts[key] = _gathered.counts.get(key, 0) + count
        _gathered.last_used = taken.last_used | _gathered.last_used
        _gathered.outdated = taken.outdated | _gathered.outdated


def _write_counts(counts: dict[_Key, int]) -> None:
    table = connection.ops.quote_name(UsageBucket._meta.db_table)
    adapt = connection.ops.adapt_datetimefield_value
    # The ORM's upsert can't add to what is there. Sorted, so that two workers lock rows in the same order; a client deleted meanwhile has no row to count for.
    rows = [(credential, endpoint, outcome, adapt(hour), count, client) for (client, credential, endpoint, outcome, hour), count in sorted(counts.items())]
    with connection.cursor() as cursor:
        cursor.executemany(
            f"""INSERT INTO {table} (client_id, credential, endpoint, outcome, hour, count)
                SELECT id, %s, %s, %s, {_cast("%s")}, %s FROM clients_client WHERE id = %s
                ON CONFLICT (client_id, hour, credential, endpoint, outcome) DO UPDATE SET count = {table}.count + excluded.count""",  # noqa: S608  # only names of our own are put in
            rows,
        )


def _cast(parameter: str) -> str:
    return f"{parameter}::timestamptz" if connection.vendor == "postgresql" else parameter


def _write_last_used(last_used: dict[tuple[str, int], tuple[datetime, str]]) -> None:
    adapt = connection.ops.adapt_datetimefield_value
    # Of all that a flush writes this is the most: the ORM would compile each update anew, which costs more than the token request that it notes.
    rows: dict[str, list[tuple[Any, ...]]] = {}
    for (table, pk), (moment, address) in sorted(last_used.items()):
        rows.setdefault(table, []).append((adapt(moment), address or None, pk, adapt(moment)))
    with connection.cursor() as cursor:
        for table, of_table in rows.items():
            update = f"UPDATE {connection.ops.quote_name(table)} SET last_used_at = %s, last_used_from = %s"  # noqa: S608  # only names of our own are put in
            cursor.executemany(f"{update} WHERE id = %s AND (last_used_at IS NULL OR last_used_at < %s)", of_table)


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
    """Write what was gathered. Where that fails, it stays gathered and the database's error is raised."""
    with _flushing:
        taken = _take()
        try:
            if taken.counts or taken.last_used:
                with transaction.atomic():
                    _write_counts(taken.counts)
                    _write_last_used(taken.last_used)
                taken.counts, taken.last_used = {}, {}
            _rehash(taken.outdated)
        except Exception:
            _put_back(taken)
            raise


def prune(*, now: datetime) -> dict[str, int]:
    """Remove usage and failed requests past their retention. Returns how many rows went, by table."""
    usage_ends = now - timedelta(days=settings.USAGE_RETENTION_DAYS)
    return {
        "usage_buckets": UsageBucket.objects.filter(hour__lt=usage_ends).delete()[0],
        "requests": retention.prune_requests(now=now),
    }
