"""Writes gathered usage: sums by hour, day and minute, added to those of other processes.

The tables are always written in the same order, so that two processes lock rows in the same order. A client or workspace that was deleted meanwhile isn't
counted.
"""

from collections import defaultdict
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from django.db import connection

from clients.models import AddressUse, Client, ClientActivity, RecordedRequest, ResponseTime, ScopeUse, TokenCount, UsageBucket, Workspace, WorkspaceUsage
from clients.outcomes import GRANTED
from clients.periods import PERIODS
from clients.services.counted_addresses import find_counted
from clients.services.gathered import SLOT_SECONDS, Gathered, GrantedKey, RefusedKey, SampledRequest
from clients.services.upsert import adapt_moment, add_up, insert

Granted = list[tuple[GrantedKey, int, datetime]]
Refused = list[tuple[RefusedKey, int]]

ACTIVITY_COUNTS = tuple(f"{outcome}_{period}" for outcome in ("granted", "refused") for period in PERIODS)


def write(gathered: Gathered) -> None:
    """Write everything except the outdated secrets. Call it in a transaction."""
    granted = [(GrantedKey(*key), count, last) for key, (count, last) in gathered.granted.items()]
    refused = [(RefusedKey(*key), count) for key, count in gathered.refused.items()]
    _write_requests(granted, refused)
    _write_addresses(granted)
    _write_tokens(granted)
    _write_scopes(granted)
    _write_activity(granted, refused)
    _write_sampled(gathered.sampled)
    _write_last_used(gathered.last_used)
    _write_times(gathered)


@lru_cache(maxsize=1024)
def _moment(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


@lru_cache(maxsize=1024)
def _day(minute: int) -> date:
    return _moment(minute * 60).date()


def _write_requests(granted: Granted, refused: Refused) -> None:
    buckets: defaultdict[tuple[Any, ...], int] = defaultdict(int)
    totals: defaultdict[tuple[Any, ...], int] = defaultdict(int)
    counts: list[tuple[GrantedKey | RefusedKey, int, str, int]] = [(key, key.minute // 60, GRANTED, count) for key, count, _ in granted]
    counts += [(key, key.hour, key.outcome, count) for key, count in refused]
    for key, hour, outcome, count in counts:
        buckets[key.client, hour, key.credential, key.endpoint, outcome] += count
        totals[key.workspace, hour, key.environment, key.endpoint, outcome] += count
    rows = [(pk, _moment(hour * 3600), *rest, count) for (pk, hour, *rest), count in sorted(buckets.items())]
    add_up(UsageBucket, rows, by=("client_id", "hour", "credential", "endpoint", "outcome"), sums=("count",), of=Client)
    rows = [(pk, _moment(hour * 3600), *rest, count) for (pk, hour, *rest), count in sorted(totals.items())]
    add_up(WorkspaceUsage, rows, by=("workspace_id", "hour", "environment", "endpoint", "outcome"), sums=("count",), of=Workspace)


def _write_addresses(granted: Granted) -> None:
    uses: dict[tuple[int, str, date, str], tuple[int, datetime]] = {}
    by_credential = [(key, count, last) for key, count, last in granted if key.is_by_credential and key.address]
    counted = find_counted({(key.client, _day(key.minute), key.address) for key, _, _ in by_credential})
    for key, count, last in by_credential:
        day = _day(key.minute)
        use = (key.client, counted[key.client, day, key.address], day, key.credential)
        before, earlier = uses.get(use, (0, last))
        uses[use] = (before + count, max(last, earlier))
    rows = ((*use, count, last) for use, (count, last) in sorted(uses.items()))
    add_up(AddressUse, rows, by=("client_id", "address", "day", "credential"), sums=("count",), latest=("last_used_at",), of=Client)


def _write_tokens(granted: Granted) -> None:
    tokens: defaultdict[tuple[int, str, int], int] = defaultdict(int)
    for key, count, _ in granted:
        if key.token_minute:
            tokens[key.client, key.credential, key.token_minute] += count
    rows = ((client, credential, _moment(minute * 60), count) for (client, credential, minute), count in sorted(tokens.items()))
    add_up(TokenCount, rows, by=("client_id", "credential", "expires_at"), sums=("count",), of=Client)


def _write_scopes(granted: Granted) -> None:
    uses: dict[tuple[int, str, date], tuple[int, int]] = {}
    for key, count, _ in granted:
        if key.token_minute:
            for scope in key.scopes:
                use = (key.client, scope, _day(key.minute))
                before, asked = uses.get(use, (0, 0))
                uses[use] = (before + count, asked + count * key.is_scope_asked)
    rows = ((*use, *counts) for use, counts in sorted(uses.items()))
    add_up(ScopeUse, rows, by=("client_id", "scope", "day"), sums=("granted", "asked"), of=Client)


def _write_activity(granted: Granted, refused: Refused) -> None:
    """The counts are of the token endpoint only, but any granted request is a use."""
    tokens: defaultdict[int, int] = defaultdict(int)
    refusals: defaultdict[int, int] = defaultdict(int)
    used: dict[int, tuple[datetime, str]] = {}
    for key, count, last in granted:
        tokens[key.client] += count * (key.endpoint == "token")
        used[key.client] = max((last, key.address), used.get(key.client, (last, key.address)))
    for refusal, count in refused:
        refusals[refusal.client] += count * (refusal.endpoint == "token")
    clients = sorted(tokens.keys() | refusals.keys())
    rows = ((client, *(tokens[client],) * len(PERIODS), *(refusals[client],) * len(PERIODS), *used.get(client, (None, ""))) for client in clients)
    latest = ("last_used_at", "last_used_from")
    add_up(ClientActivity, rows, by=("client_id",), sums=ACTIVITY_COUNTS, latest=latest, of=Client, copied={"workspace_id": "workspace_id"})


_SAMPLED = ("client_id", "request_id", "endpoint", "status", "credential", "scope", "address", "microseconds", "created_at")
_EMPTY = ("error", "reason", "detail", "named_secret_id")


def _write_sampled(sampled: list[SampledRequest]) -> None:
    rows = (
        (
            row.key.client,
            row.request_id,
            row.key.endpoint,
            200,
            row.key.credential,
            " ".join(row.key.scopes)[:500],
            row.key.address,
            row.microseconds,
            row.now,
            *("",) * len(_EMPTY),
        )
        for row in sampled
    )
    copied = {"workspace_id": "workspace_id", "named_client_id": "client_id"}
    insert(RecordedRequest, rows, columns=(*_SAMPLED, *_EMPTY), of=Client, copied=copied)


def _write_last_used(last_used: dict[tuple[str, int], tuple[datetime, str]]) -> None:
    # The ORM would compile each update again, which costs more than the token request that it records.
    rows: dict[str, list[tuple[Any, ...]]] = {}
    for (table, pk), (moment, address) in sorted(last_used.items()):
        adapted = adapt_moment(moment)
        rows.setdefault(table, []).append((adapted, address or None, pk, adapted))
    with connection.cursor() as cursor:
        for table, of_table in rows.items():
            update = f"UPDATE {connection.ops.quote_name(table)} SET last_used_at = %s, last_used_from = %s"  # noqa: S608  # only names of our own are put in
            cursor.executemany(f"{update} WHERE id = %s AND (last_used_at IS NULL OR last_used_at < %s)", of_table)


def _write_times(gathered: Gathered) -> None:
    rows = ((_moment(slot * SLOT_SECONDS), *rest, count) for (slot, *rest), count in sorted(gathered.times.items()))
    add_up(ResponseTime, rows, by=("slot", "endpoint", "limit_ms", "is_failure"), sums=("count",))
