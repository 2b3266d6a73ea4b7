"""Finds the cause of a database error, because the operator has to act differently for each.

It uses SQLSTATE on PostgreSQL, and the text on SQLite, because Python passes on nothing else. Any other error that isn't our own mistake counts as unreachable.
"""

from dataclasses import dataclass

from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, NotSupportedError, ProgrammingError


@dataclass(frozen=True, slots=True)
class Fault:
    """code: for machines. sentence: names the fault. fix: the operator's next step."""

    code: str
    sentence: str
    fix: str


UNREACHABLE = Fault("unreachable", "The database can't be reached.", "Check that it is running, and check DATABASE_URL.")
NO_ANSWER = Fault("no_answer", "The database doesn't answer.", "Check whether its machine hangs or is overloaded.")
DISK_FULL = Fault("disk_full", "The database's disk is full.", "Free some space on it. Nothing needs a restart.")
READ_ONLY = Fault(
    "read_only", "The database is read-only.", "SQLite: check the permissions and the mount of DATA_DIR. PostgreSQL: make DATABASE_URL point to the primary."
)
LOCKED = Fault("locked", "Another program has locked the database.", "Look for a backup, a shell or a command with an open transaction.")
DEADLOCK = Fault(
    "deadlock",
    "Two changes waited for each other, and the database aborted one of them.",
    "Repeat the change. If this happens often, see PostgreSQL's log, which names both.",
)
CANCELLED = Fault(
    "cancelled",
    "The database aborted a statement because it took too long or somebody cancelled it.",
    "Look in pg_stat_activity for what keeps the database busy, and run ANALYZE.",
)
TOO_MANY_CONNECTIONS = Fault(
    "too_many_connections",
    "The database accepts no more connections.",
    "Look in pg_stat_activity for who has them, raise max_connections or the role's limit, or lower WEB_CONCURRENCY.",
)
NO_MEMORY = Fault("no_memory", "The database has run out of memory.", "Give its machine more, or lower work_mem and max_connections.")
DAMAGED = Fault("damaged", "The database is damaged, or its disk is failing.", "Check the system's log, and restore the database from a backup.")

# The errors for our own mistakes. All others mean that the database isn't there or can't do its work.
MISTAKES = (DataError, IntegrityError, NotSupportedError, ProgrammingError)

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_BY_SQLSTATE = {
    "25006": READ_ONLY,  # read_only_sql_transaction
    "40001": DEADLOCK,  # serialization_failure
    "40P01": DEADLOCK,  # deadlock_detected
    "53100": DISK_FULL,  # disk_full
    "53200": NO_MEMORY,  # out_of_memory
    "53300": TOO_MANY_CONNECTIONS,  # too_many_connections
    "55P03": LOCKED,  # lock_not_available
    "57014": CANCELLED,  # query_canceled
    "58030": DAMAGED,  # io_error
    "XX001": DAMAGED,  # data_corrupted
    "XX002": DAMAGED,  # index_corrupted
}
# From https://www.sqlite.org/rescode.html, from psycopg if the server doesn't answer, and from PostgreSQL and PgBouncer if they refuse a connection: then
# psycopg passes on only the text.
_BY_TEXT = {
    "readonly database": READ_ONLY,
    "disk is full": DISK_FULL,
    "is locked": LOCKED,
    "disk I/O error": DAMAGED,
    "is malformed": DAMAGED,
    "is not a database": DAMAGED,
    "timeout expired": NO_ANSWER,
    "too many clients": TOO_MANY_CONNECTIONS,
    "too many connections": TOO_MANY_CONNECTIONS,
    "remaining connection slots": TOO_MANY_CONNECTIONS,
    "no more connections allowed": TOO_MANY_CONNECTIONS,
    "query_wait_timeout": TOO_MANY_CONNECTIONS,
}


def find_fault(error: BaseException | None) -> Fault | None:
    """The database's fault behind the error. None if there is none, or if it is our own mistake."""
    if not isinstance(error, DatabaseError | InterfaceError) or isinstance(error, MISTAKES):
        return None
    # An error of Django's own, for a row that is gone. A driver's message comes with the driver's error.
    if type(error) is DatabaseError and error.__cause__ is None:
        return None
    known = _BY_SQLSTATE.get(getattr(error.__cause__, "sqlstate", None) or "")
    return known or next((fault for said, fault in _BY_TEXT.items() if said in str(error)), UNREACHABLE)
