"""Limits how long a thread waits for the database: for each statement, and for all of a request's waits together."""

from threading import local

# Seconds after which an unanswered request is given up with 503.
REQUEST = 4.0
# Seconds that PostgreSQL has for one statement of a protocol endpoint, a page, background work and a command.
PROTOCOL_STATEMENT = 2.0
PAGE_STATEMENT = 3.0
BACKGROUND_STATEMENT = 60.0
COMMAND_STATEMENT = 900.0
# For a migration, which may have to build an index over millions of rows.
MIGRATION_STATEMENT = 24 * 3600.0

_of_thread = local()
_usual_statement = COMMAND_STATEMENT


class Patience:
    """A thread's limits. statement: seconds for one statement. waits_since: since when it has waited for the database, 0.0 if it isn't waiting. ends: when its
    request is given up, 0.0 if it has none. Both are times of time.monotonic().
    """

    __slots__ = ("ends", "statement", "waits_since")

    def __init__(self, statement: float) -> None:
        self.statement = statement
        self.waits_since = 0.0
        self.ends = 0.0


def patience() -> Patience:
    """This thread's."""
    found: Patience | None = getattr(_of_thread, "patience", None)
    if found is None:
        found = _of_thread.patience = Patience(_usual_statement)
    return found


def serve() -> None:
    """Mark this process as a server's: its threads do background work unless told otherwise, not a command's."""
    global _usual_statement
    _usual_statement = BACKGROUND_STATEMENT
