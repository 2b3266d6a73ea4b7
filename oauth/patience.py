"""How long a thread may wait for the database: each statement of its own, and all that the request waits for together."""

from threading import local

# Seconds after which a request that a thread hasn't answered is given up: 503, whatever it waits for.
REQUEST = 4.0
# Seconds that PostgreSQL has for one statement: of a protocol endpoint, of a page, of work that nobody waits for, and of a command.
PROTOCOL_STATEMENT = 2.0
PAGE_STATEMENT = 3.0
BACKGROUND_STATEMENT = 60.0
COMMAND_STATEMENT = 900.0
# Of a migration, which may have to build an index over millions of rows.
MIGRATION_STATEMENT = 24 * 3600.0

_of_thread = local()
_usual_statement = COMMAND_STATEMENT


class Patience:
    """A thread's. statement: seconds for one. waits_since: since when it waits for an answer of the database, 0.0 while it doesn't. ends: when the request
    that it answers is given up, 0.0 for none. Both by time.monotonic().
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
    """This process is a server's: what isn't told otherwise is work in the background, not a command."""
    global _usual_statement
    _usual_statement = BACKGROUND_STATEMENT
