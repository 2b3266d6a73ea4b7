"""Using a jti once: RFC 7523 §3 (7) for assertions, RFC 9449 §11.1 for DPoP proofs.

Marks are rows of the database, so that they hold over all workers, nodes and restarts. Each is one statement, and no lost one is a danger:

PostgreSQL commits it as it commits all else. SQLite doesn't sync it to the disk, which would cost more than the rest of the request; a mark may then be lost
when the machine itself crashes, so after its next boot nothing counts that may have been issued before that boot.
"""

import hashlib
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.asyncio import async_unsafe

from oauth.lookup import own_database
from oauth.models import ReplayFloor, UsedJWT

_TABLE = UsedJWT._meta.db_table
_USE = f"""INSERT INTO {_TABLE} (key, expires_at) VALUES (%s, %s)
    ON CONFLICT (key) DO UPDATE SET expires_at = excluded.expires_at WHERE {_TABLE}.expires_at < %s"""  # noqa: S608  # only names of our own are put in
_USE_BY_DRIVER = _USE.replace("%s", "?")

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

_found_floor: int | None = None


def use_once(purpose: str, issuer: str, jti: str, *, issued_at: int, expires_at: int, now: datetime) -> bool:
    """Whether this is the first use of jti. Of any number of uses at once exactly one is.

    purpose: so that jtis of assertions and of proofs are apart. issuer: whose jti it is. issued_at: the earliest second at which it may have been made.
    expires_at: the second after which it is refused anyway, so that the mark can go.
    """
    digest = hashlib.blake2b("\0".join((purpose, issuer, jti)).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    parameters = (int.from_bytes(digest, signed=True), expires_at, int(now.timestamp()))
    database = own_database()
    boot_id = _boot_id() if database.vendor == "sqlite" else None
    if boot_id is not None:
        if issued_at < _floor(boot_id, now):
            return False
        # Within a transaction SQLite doesn't let that be changed.
        if not database.in_atomic_block:
            return _use_unsynced(database, parameters)
    with database.cursor() as cursor:
        cursor.execute(_USE, parameters)
        return bool(cursor.rowcount == 1)


@async_unsafe("The use of a jti is a write: call it in a thread.")
def _use_unsynced(database: BaseDatabaseWrapper, parameters: tuple[Any, ...]) -> bool:
    """By the driver itself, for Django's own cursor takes as long as SQLite."""
    if database.connection is None:
        database.ensure_connection()
    with database.wrap_database_errors:
        execute = database.connection.execute
        execute("PRAGMA synchronous = NORMAL")
        try:
            return bool(execute(_USE_BY_DRIVER, parameters).rowcount == 1)
        finally:
            execute("PRAGMA synchronous = FULL")


@lru_cache(maxsize=1)
def _boot_id() -> str | None:
    """Another one after each boot of the machine. None where the system doesn't say; then every mark is synced."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return None


def _floor(boot_id: str, now: datetime) -> int:
    """The second before which nothing counts: when this installation first looked after the machine's boot; 0 where it knows no earlier boot."""
    global _found_floor
    if _found_floor is None:
        began_at = int(now.timestamp()) if ReplayFloor.objects.exclude(boot_id=boot_id).exists() else 0
        _found_floor = ReplayFloor.objects.get_or_create(boot_id=boot_id, defaults={"began_at": began_at})[0].began_at
    return _found_floor
