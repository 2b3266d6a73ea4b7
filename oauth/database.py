"""The database connection of the thread that answers: found once where the thread lasts, and set up not to wait where it runs an event loop."""

import logging
from threading import local

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

logger = logging.getLogger("tokenos.oauth")

_of_thread = local()


def keep_database() -> None:
    """For a thread that lasts: remember its Django connection, for finding it anew for each statement takes a third of the statement's time."""
    _of_thread.database = connections[DEFAULT_DB_ALIAS]


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
    keep_database()
    _of_thread.is_event_loop = True
    return True


def is_event_loop() -> bool:
    """Whether this thread's connection is that of keep_event_loop_database."""
    return getattr(_of_thread, "is_event_loop", False)
