"""Allow each jti only once: RFC 7523 §3 (7) for assertions, RFC 9449 §11.1 for DPoP proofs.

Marks are database rows, so they hold for all workers and nodes, and after restarts. A mark stays CLOCK_MARGIN longer than its JWT is valid by the clock of the
node that writes it, because another node's clock may be behind. Marks are removed up to a recorded expiry, and from then on a JWT whose mark would expire
earlier is refused. So no wrong clock makes a used JWT valid again. A mark is one statement. A crash can't make a used JWT valid either:

PostgreSQL commits it like everything else. SQLite doesn't sync it to the disk, because that would cost more than the rest of the request. If the machine
crashes, a mark may be lost, so after the next boot every JWT that may have been issued before that boot is refused. The next synced commit also syncs the
marks: the commit of usage, within two seconds (dashboard/background/schedule.py). If a file system is cut off without a crash, the marks since then are lost.
That is accepted, and docs/operations.md says so.
"""

import hashlib
from datetime import datetime
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

from oauth.database import bound_wait, is_event_loop, own_database
from oauth.database_clock import CLOCK_MARGIN, read_clocks
from oauth.messages import Request
from oauth.models import ForgottenJWTs, ReplayFloor, UsedJWT

_TABLE = UsedJWT._meta.db_table
_MARK = f"""INSERT INTO {_TABLE} (key, expires_at)
    SELECT %s, %s WHERE NOT EXISTS (SELECT 1 FROM {ForgottenJWTs._meta.db_table} WHERE id = {ForgottenJWTs.ROW} AND ends_before > %s)
    ON CONFLICT (key) DO UPDATE SET expires_at = excluded.expires_at WHERE {_TABLE}.expires_at < %s"""  # noqa: S608  # only names of our own are put in
_MARK_BY_DRIVER = _MARK.replace("%s", "?")

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_MARGIN = int(CLOCK_MARGIN.total_seconds())

# One in this many marks is left to a thread.
MARKS_ON_EVENT_LOOP = 200

_found_floor: int | None = None
_marks_on_event_loop = count(1)


def use_once(request: Request, purpose: str, issuer: str, jti: str, *, issued_at: int, expires_at: int) -> bool:
    """Whether this is the first request that uses jti. Of several simultaneous requests, exactly one is.

    purpose: separates the jtis of assertions from those of proofs. issuer: the party that made the jti. issued_at: the earliest second at which it may have
    been made. expires_at: the second after which it is refused anyway, so that the mark can be removed.
    """
    key = _key(purpose, issuer, jti)
    if key in request.used_jwts:
        return True
    is_first = _mark(key, issued_at, expires_at, request.now)
    if is_first:
        request.used_jwts.add(key)
    return is_first


def is_used(purpose: str, issuer: str, jti: str, *, issued_at: int, expires_at: int, now: datetime) -> bool:
    """Whether use_once would refuse it, without marking anything."""
    boot_id = _boot_id() if own_database().vendor == "sqlite" else None
    if boot_id is not None and issued_at < _floor(boot_id, now):
        return True
    if ForgottenJWTs.objects.filter(pk=ForgottenJWTs.ROW, ends_before__gt=expires_at + _MARGIN).exists():
        return True
    return UsedJWT.objects.filter(key=_key(purpose, issuer, jti), expires_at__gte=int(now.timestamp())).exists()


def mark_used(purpose: str, issuer: str, jti: str, *, expires_at: int, now: datetime) -> bool:
    """Like use_once, for what doesn't come with a protocol request, such as a passkey's response. Committed and synced with the caller's transaction."""
    return _mark(_key(purpose, issuer, jti), int(now.timestamp()), expires_at, now)


def forget_before(seconds: int) -> None:
    """From now on, refuse every JWT whose mark would expire before seconds. Commit this before the first of those marks is removed."""
    row, is_new = ForgottenJWTs.objects.get_or_create(pk=ForgottenJWTs.ROW, defaults={"ends_before": seconds})
    if not is_new:
        ForgottenJWTs.objects.filter(pk=row.pk, ends_before__lt=seconds).update(ends_before=seconds)


def _key(*names: str) -> int:
    digest = hashlib.blake2b("\0".join(names).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def _mark(key: int, issued_at: int, expires_at: int, now: datetime) -> bool:
    ends_at = expires_at + _MARGIN
    parameters = (key, ends_at, ends_at, int(now.timestamp()))
    database = own_database()
    boot_id = _boot_id() if database.vendor == "sqlite" else None
    if boot_id is not None:
        if issued_at < _floor(boot_id, now):
            return False
        # SQLite doesn't allow changing it within a transaction.
        if not database.in_atomic_block:
            return _mark_unsynced(database, parameters)
    with database.cursor() as cursor:
        cursor.execute(_MARK, parameters)
        return bool(cursor.rowcount == 1)


def _mark_unsynced(database: BaseDatabaseWrapper, parameters: tuple[Any, ...]) -> bool:
    """Use the driver directly, because Django's cursor takes as long as SQLite itself. Raise OperationalError on an event loop that would have to wait long."""
    if database.connection is None:
        database.ensure_connection()
    with database.wrap_database_errors:
        execute = database.connection.execute
        if is_event_loop():
            if next(_marks_on_event_loop) % MARKS_ON_EVENT_LOOP == 0:
                raise OperationalError("A thread has to write this mark, because its connection then checkpoints SQLite's write-ahead log.")
            return bool(execute(_MARK_BY_DRIVER, parameters).rowcount == 1)
        bound_wait(database)
        execute("PRAGMA synchronous = NORMAL")
        try:
            return bool(execute(_MARK_BY_DRIVER, parameters).rowcount == 1)
        finally:
            execute("PRAGMA synchronous = FULL")


@lru_cache(maxsize=1)
def _boot_id() -> str | None:
    """The ID of the machine's boot. None if the system has none; then every mark is synced."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return None


def _floor(boot_id: str, now: datetime) -> int:
    """The second before which nothing is accepted: the time of this installation's first look after the machine's boot. 0 if it knows no earlier boot."""
    global _found_floor
    if _found_floor is None:
        clocks = read_clocks()
        # If a process's clock is off, its time would be too late for all others, or too early to help.
        looked_at = clocks.now if clocks.is_off else now
        began_at = int(looked_at.timestamp()) if ReplayFloor.objects.exclude(boot_id=boot_id).exists() else 0
        _found_floor = ReplayFloor.objects.get_or_create(boot_id=boot_id, defaults={"began_at": began_at})[0].began_at
    return _found_floor
