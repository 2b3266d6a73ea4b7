"""The checks of /readyz: for the parts that tokens need, and for parts that only other functions need.

Each check may hang, so it runs in a thread and counts as failed after LIMIT seconds. Each group runs once at a time, for all simultaneous requests, and
at most RUNS_A_SECOND times a second, so frequent requests cost nothing, and a hanging check blocks only one thread.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from threading import Event, Lock, Thread
from time import monotonic

from django.core.cache import cache
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import F

from clients.database_fault import NO_ANSWER, find_fault
from clients.key_encryption import decrypt
from dashboard.models import ScheduledJob
from oauth import asgi
from oauth.database_clock import read_clocks
from oauth.log_quota import LogQuota
from oauth.models import SigningKey
from oauth.patience import patience

# Seconds from the beginning of a run.
LIMIT = 2.5

# Of each group, in each process. Further requests get the last result, because anybody may ask any number of times.
RUNS_A_SECOND = 5

READY, DEGRADED, UNAVAILABLE = "ready", "degraded", "unavailable"

logger = logging.getLogger("tokenos.health")
# Anybody may ask any number of times: each problem of a part gets one line a minute.
_lines = LogQuota(seconds=60, lines=60, of_one=1)


class FailedError(Exception):
    """Raised by a check. problem: a word for machines, which strangers may see. The message is for the log."""

    def __init__(self, problem: str, message: str) -> None:
        super().__init__(message)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Check:
    """look: raises any exception if the part fails. without: the instance's status in that case, DEGRADED or UNAVAILABLE."""

    name: str
    look: Callable[[], None]
    without: str = UNAVAILABLE


@dataclass(frozen=True, slots=True)
class Group:
    """Checks that share a database connection and run one after the other. reused: for how many seconds a good result is reused.

    by_serving_threads: whether the threads and connections that answer token requests run them, if this process has any.
    """

    checks: tuple[Check, ...]
    by_serving_threads: bool = False
    reused: float = 0


@dataclass(frozen=True, slots=True)
class State:
    """status: READY for a part that works. milliseconds: the duration so far. problem: "" for none."""

    status: str
    milliseconds: float
    problem: str = ""


def _query() -> None:
    """Try again with a new connection if the thread's is broken, as the thread's next request would."""
    try:
        _select()
    except (OperationalError, InterfaceError):
        if connection.connection is None or connection.is_usable():
            raise
        connection.close()
        _select()


def _select() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()


@lru_cache(maxsize=1)
def _known_migrations() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None).graph.nodes)


def _compare_migrations() -> None:
    """Additional migrations don't matter, because a newer version may be taking over."""
    missing = _known_migrations() - MigrationRecorder(connection).applied_migrations().keys()
    if missing:
        raise FailedError("missing", f"Migrations are missing: {len(missing)}. Run “.venv/bin/python manage.py prepare”.")


def _open_signing_key() -> None:
    key = SigningKey.objects.usable_for_signing(datetime.now(UTC)).first()
    if key is None:
        raise FailedError("missing", "There is no signing key. Run “.venv/bin/python manage.py rotate_signing_key --now”.")
    try:
        decrypt(key.private_key, context=key.kid)
    except Exception as error:
        raise FailedError("locked", str(error)) from error


def _compare_clocks() -> None:
    clocks = read_clocks()
    if clocks.is_off:
        raise FailedError("off", f"{clocks} Synchronise both machines with NTP.")


def _write() -> None:
    """Write a row without changing it: only this reveals a full disk or a read-only database."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 1000")
    with transaction.atomic():
        ScheduledJob.objects.filter(pk__in=ScheduledJob.objects.order_by("pk").values("pk")[:1]).update(next_run_at=F("next_run_at"))


def _ask_cache() -> None:
    cache.set("readyz", "ready", 10)
    if cache.get("readyz") != "ready":
        raise FailedError("forgets", "The cache stores nothing. Check Redis, see CACHE_URL.")


# Tokens don't need the cache, and token requests with a secret don't write. If two clocks differ, we can't know which is right: if the database's is wrong, all
# nodes would stop.
GROUPS: tuple[Group, ...] = (
    Group(
        (
            Check("database", _query),
            Check("migrations", _compare_migrations),
            Check("signing_key", _open_signing_key),
            Check("clock", _compare_clocks, DEGRADED),
        ),
        by_serving_threads=True,
    ),
    Group((Check("writes", _write, DEGRADED),), reused=10),
    Group((Check("cache", _ask_cache, DEGRADED),)),
)


@dataclass(eq=False)
class _Run:
    """One run of a group, in the threads that answer token requests or in its own. states: of the checks that have finished so far."""

    group: Group
    began: float = field(default_factory=monotonic)
    states: dict[str, State] = field(default_factory=dict)
    ended: Event = field(default_factory=Event)

    def start(self) -> None:
        serving = asgi.find_threads() if self.group.by_serving_threads else None
        if serving is not None:
            serving.ask(self.run_there, None)
            return
        # A daemon, so that a hanging check can't keep the process from ending.
        Thread(target=self.run, name="readyz", daemon=True).start()

    def run(self) -> None:
        patience().statement = LIMIT
        self.run_there(None)
        connection.close()

    def run_there(self, _asked: None) -> None:
        """Uses a persistent connection. If the database fails, the other checks that need it are skipped, because each would wait again."""
        try:
            for check in self.group.checks:
                database = self.states.get("database")
                is_lost = database is not None and database.status != READY
                self.states[check.name] = State(check.without, 0.0, database.problem) if database and is_lost else _measure(check)
        finally:
            self.ended.set()

    def is_reused(self) -> bool:
        """Whether the result is good, and new enough for its group."""
        return self.find_worst() == READY and monotonic() < self.began + self.group.reused

    def find(self, check: Check) -> State:
        """The state of a check that hasn't finished because it, or one before it, hangs."""
        return self.states.get(check.name) or State(check.without, (monotonic() - self.began) * 1000, NO_ANSWER.code)

    def find_worst(self) -> str:
        return worst(self.find(check).status for check in self.group.checks)


def _measure(check: Check) -> State:
    began = monotonic()
    problem = ""
    try:
        check.look()
    except Exception as error:  # noqa: BLE001  # any error is a failure of the part
        fault = find_fault(error)
        problem = error.problem if isinstance(error, FailedError) else fault.code if fault else "unreachable"
        if _lines.spend(f"{check.name} {problem}", monotonic()) is not None:
            logger.warning("The check %s failed: %s", check.name, error, extra={"problem": problem, "fix": fault.fix if fault else None})
    return State(check.without if problem else READY, (monotonic() - began) * 1000, problem)


def worst(statuses: Iterable[str]) -> str:
    return max(statuses, key=(READY, DEGRADED, UNAVAILABLE).index)


_lock = Lock()
# The last runs of each group, by its number.
_runs: dict[int, deque[_Run]] = {}


def _find_current(number: int) -> _Run | None:
    """The run whose result a request gets. None if a new one has to begin."""
    runs = _runs.get(number)
    if not runs:
        return None
    last = runs[-1]
    has_spent_runs = len(runs) == RUNS_A_SECOND and monotonic() < runs[0].began + 1
    return last if has_spent_runs or not last.ended.is_set() or last.is_reused() else None


def _join(number: int) -> _Run:
    with _lock:
        run = _find_current(number)
        if run is None:
            run = _Run(GROUPS[number])
            _runs.setdefault(number, deque(maxlen=RUNS_A_SECOND)).append(run)
            run.start()
        return run


def look() -> dict[str, State]:
    """Each part's state, within LIMIT seconds."""
    runs = [_join(number) for number in range(len(GROUPS))]
    for run in runs:
        run.ended.wait(max(run.began + LIMIT - monotonic(), 0))
    return {check.name: run.find(check) for run in runs for check in run.group.checks}


def find_recent() -> dict[str, State] | None:
    """Each part's state, without waiting; None if one has to be looked at."""
    runs = [_find_current(number) for number in range(len(GROUPS))]
    known = [run for run in runs if run is not None and run.ended.is_set()]
    return {check.name: run.find(check) for run in known for check in run.group.checks} if len(known) == len(GROUPS) else None
