"""The database connection of the thread that answers: found once where the thread lasts, set up not to wait where it runs an event loop, and elsewhere to wait
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

# Seconds that a statement of SQLite waits for another writer, if the request has as long.
LONGEST_WAIT = 5.0
# Where a request has no time left, as a long export has none: what another request needs for a write.
SHORTEST_WAIT = 0.05

logger = logging.getLogger("tokenos.oauth")

_of_thread = local()


def keep_database(statement: float) -> None:
    """For a thread that lasts and answers requests: remember its Django connection, for finding it anew for each statement takes a third of the statement's
    time. statement: seconds that PostgreSQL has for one.
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
    """Before a write to SQLite: let it wait for other writers only as long as the request has left, so that the waits of one don't add up."""
    ends = patience().ends
    if ends:
        seconds = max(SHORTEST_WAIT, min(LONGEST_WAIT, ends - monotonic()))
        database.connection.execute(f"PRAGMA busy_timeout = {seconds * 1000:.0f}")


def own_database() -> BaseDatabaseWrapper:
    """Django's connection of this thread."""
    return getattr(_of_thread, "database", None) or connections[DEFAULT_DB_ALIAS]


def keep_event_loop_database() -> bool:
    """Let this thread go on by the connection that it opens here while it runs an event loop, in which Django would open one for each task.

    Returns whether it may, as with SQLite. Nothing waits longer than a millisecond for another writer: it is an OperationalError then. To be called before
    the loop runs.
    """
    if connection.vendor != "sqlite":
        return False
    try:
        with connection.cursor() as cursor:
            # Its only writes are marks of used JWTs, which need no sync, and what writes as little is done within a millisecond. Putting the log of writes
            # back into the file is for those who may wait.
            cursor.execute("PRAGMA busy_timeout = 1")
            cursor.execute("PRAGMA synchronous = NORMAL")
            cursor.execute("PRAGMA wal_autocheckpoint = 0")
    except DatabaseError as error:
        # The threads open one as soon as it can be had.
        logger.warning("The database can't be opened yet: %s", error)
        return False
    _of_thread.database = connections[DEFAULT_DB_ALIAS]
    _of_thread.is_event_loop = True
    return True


def is_event_loop() -> bool:
    """Whether this thread's connection is that of keep_event_loop_database."""
    return getattr(_of_thread, "is_event_loop", False)
