"""The answering thread's database connection. A long-lived thread looks it up once. In an event loop the connection is set up not to wait; elsewhere, it waits
no longer than the request has left.
"""

import logging
from collections.abc import Callable
from threading import local
from time import monotonic
from typing import Any

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from oauth.patience import patience

# Seconds that a SQLite statement waits for another writer, if the request has that long.
MAX_WAIT = 5.0
# Seconds to wait if a request has no time left, as in a long export: long enough for another request's write.
SHORTEST_WAIT = 0.05

logger = logging.getLogger("tokenos.oauth")

_of_thread = local()


def keep_database(statement: float) -> None:
    """Remember the Django connection of a long-lived thread that answers requests, because looking it up takes a third of a statement's time. statement:
    seconds that PostgreSQL has for one statement.
    """
    patience().statement = statement
    database = _of_thread.database = connections[DEFAULT_DB_ALIAS]
    if database.vendor == "sqlite":
        database.execute_wrappers.append(_bound_write)


def _bound_write(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:  # noqa: FBT001  # Django's signature
    if not sql.startswith("SELECT"):
        bound_wait(context["connection"])
    return execute(sql, params, many, context)


def bound_wait(database: BaseDatabaseWrapper) -> None:
    """Before a write to SQLite: let it wait for other writers only as long as the request has left, so that the waits of one request don't add up."""
    ends = patience().ends
    if ends:
        seconds = max(SHORTEST_WAIT, min(MAX_WAIT, ends - monotonic()))
        database.connection.execute(f"PRAGMA busy_timeout = {seconds * 1000:.0f}")


def own_database() -> BaseDatabaseWrapper:
    """Django's connection of this thread."""
    return getattr(_of_thread, "database", None) or connections[DEFAULT_DB_ALIAS]


def keep_event_loop_database() -> bool:
    """Let this thread keep using the connection that it opens here while it runs an event loop, in which Django would open one for each task.

    Returns True with SQLite if the database can be opened, otherwise False. A statement that waits longer than a millisecond for another writer raises
    OperationalError. Call it before the loop runs.
    """
    if connection.vendor != "sqlite":
        return False
    try:
        with connection.cursor() as cursor:
            # Its only writes are marks of used JWTs, which need no sync, and such a small write takes less than a millisecond. Checkpointing the
            # write-ahead log is left to threads, which may wait.
            cursor.execute("PRAGMA busy_timeout = 1")
            cursor.execute("PRAGMA synchronous = NORMAL")
            cursor.execute("PRAGMA wal_autocheckpoint = 0")
    except DatabaseError as error:
        # The threads open a connection as soon as that is possible.
        logger.warning("The database can't be opened yet: %s", error)
        return False
    _of_thread.database = connections[DEFAULT_DB_ALIAS]
    _of_thread.is_event_loop = True
    return True


def is_event_loop() -> bool:
    """Whether this thread's connection is that of keep_event_loop_database."""
    return getattr(_of_thread, "is_event_loop", False)
