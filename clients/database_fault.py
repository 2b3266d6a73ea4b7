"""Why the database didn't do its work, told from what it said: for whom it concerns, what to do differs.

By SQLSTATE on PostgreSQL, by the text on SQLite, which Python passes on with no more than that. All else that isn't a mistake of ours counts as unreachable.
"""

from dataclasses import dataclass

from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, NotSupportedError, ProgrammingError


@dataclass(frozen=True, slots=True)
class Fault:
    """code: for machines. sentence: what is so. fix: what the operator does."""

    code: str
    sentence: str
    fix: str


UNREACHABLE = Fault("unreachable", "The database can't be reached.", "See whether it runs, and look at DATABASE_URL.")
NO_ANSWER = Fault("no_answer", "The database doesn't answer.", "See whether its machine hangs or is overloaded.")
DISK_FULL = Fault("disk_full", "The database has no room on its disk.", "Make room on the disk that holds it. Nothing needs a restart.")
READ_ONLY = Fault(
    "read_only", "The database is read-only.", "SQLite: look at the permissions and the mount of DATA_DIR. PostgreSQL: let DATABASE_URL lead to the primary."
)
LOCKED = Fault("locked", "Another program holds the lock of the database.", "Look for a backup, a shell or a command that has a transaction open.")
DEADLOCK = Fault(
    "deadlock", "Two changes waited for each other, and the database broke off one of them.", "Repeat it. If that happens often, PostgreSQL's log names both."
)
CANCELLED = Fault(
    "cancelled",
    "The database broke off a statement, for it took too long or somebody cancelled it.",
    "See in pg_stat_activity what keeps the database busy, and run ANALYZE.",
)
TOO_MANY_CONNECTIONS = Fault(
    "too_many_connections",
    "The database takes no more connections.",
    "See in pg_stat_activity who has them, raise max_connections or the role's limit, or lower WEB_CONCURRENCY.",
)
NO_MEMORY = Fault("no_memory", "The database has no memory left.", "Give its machine more, or lower work_mem and max_connections.")
DAMAGED = Fault("damaged", "The database is damaged, or its disk fails.", "Look at the system's log, and restore the database from a backup.")

# What the database says of our own mistakes. All else says that it isn't there, or can't do its work.
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
# https://www.sqlite.org/rescode.html, psycopg's own words where the server is silent, and those of PostgreSQL and PgBouncer when they refuse a connection, of
# which psycopg passes on no more.
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
    """None where error isn't the database's, or says that we made a mistake."""
    if not isinstance(error, DatabaseError | InterfaceError) or isinstance(error, MISTAKES):
        return None
    # Django's own, of a row that is gone: what a driver says comes with the driver's error.
    if type(error) is DatabaseError and error.__cause__ is None:
        return None
    known = _BY_SQLSTATE.get(getattr(error.__cause__, "sqlstate", None) or "")
    return known or next((fault for said, fault in _BY_TEXT.items() if said in str(error)), UNREACHABLE)
