"""The threads in which Django answers requests for pages, and those that query the database before that."""

from collections.abc import Callable
from time import monotonic
from typing import Any, TypeVar

from dashboard.server.wsgi_call import Answer, Request
from oauth.asgi import Scope
from oauth.database import keep_database
from oauth.patience import PAGE_STATEMENT, Patience
from oauth.sender_network import widest_network_of
from oauth.threads import OverdueError, Threads

Asked = TypeVar("Asked")
Found = TypeVar("Found")

DJANGO_THREADS = 8
# At most this many page requests of a worker wait for a thread.
MAX_WAITING = 256
# Seconds for which a statement of an overdue request may be running: an export takes a long time, but its statements are short.
OVERDUE_STATEMENT = 0.75
# Seconds for the queries that decide about a request; after them, the request is given up.
MAX_LOOK = 0.75


def _may_go_on(its: Patience, now: float) -> bool:
    return not its.waits_since or now - its.waits_since < OVERDUE_STATEMENT


django_threads: Threads[Any, Any] = Threads(
    DJANGO_THREADS, name="django", begin=lambda: keep_database(PAGE_STATEMENT), most_waiting=MAX_WAITING, may_go_on=_may_go_on
)
# A thread for health checks, which must be answered even if the worker can't do its work.
probe_threads: Threads[Request, Answer] = Threads(2, name="probe", begin=lambda: None, most_waiting=MAX_WAITING)


def sender_of(scope: Scope) -> str:
    return widest_network_of(scope["state"]["connection"].remote_address)


async def look(scope: Scope, find: Callable[[Asked], Found], asked: Asked) -> Found:
    """Raise OverdueError if this takes so long that the request itself would take too long."""
    began = monotonic()
    found: Found = await django_threads.run(find, asked, sender=sender_of(scope))
    if monotonic() - began > MAX_LOOK:
        raise OverdueError(has_begun=False)
    return found
