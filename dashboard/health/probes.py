"""Liveness and readiness: /healthz says that the process answers, /readyz that it can do its work.

What /readyz looks at may hang, so it runs in threads of its own and counts as unavailable after LIMIT seconds. There is one run at a time, which everybody
who asks meanwhile shares: asking often costs nothing, and what hangs holds one thread, however often it is asked about.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from threading import Event, Lock, Thread
from time import monotonic

from django.core.cache import cache
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from clients.key_encryption import decrypt
from oauth.models import SigningKey

LIMIT = 2.5

Check = Callable[[], bool]

logger = logging.getLogger("tokenos.health")


def _can_query() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone())


@lru_cache(maxsize=1)
def _known_migrations() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None).graph.nodes)


def _has_migrations() -> bool:
    """Migrations of a newer version don't matter: it may be in the course of taking over."""
    return _known_migrations() <= MigrationRecorder(connection).applied_migrations().keys()


def _can_sign() -> bool:
    key = SigningKey.objects.usable_for_signing(datetime.now(UTC)).first()
    return key is not None and bool(decrypt(key.private_key, context=key.kid))


def _can_cache() -> bool:
    cache.set("readyz", "ready", 10)
    return bool(cache.get("readyz") == "ready")


class _Run:
    """One run of checks, one after the other, in a thread of its own. states: those that have ended, as far as it has come."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self.checks = checks
        self.states: dict[str, bool] = {}
        self.ended = Event()

    def start(self) -> None:
        # A daemon, because one that hangs mustn't keep the process from ending.
        Thread(target=self.run, name="readyz", daemon=True).start()

    def run(self) -> None:
        try:
            for name, check in self.checks.items():
                self.states[name] = _holds(name, check)
        finally:
            connection.close()
            self.ended.set()


def _holds(name: str, check: Check) -> bool:
    try:
        return check()
    except Exception as error:  # noqa: BLE001  # whatever fails, the answer is no
        logger.warning("The check %s failed: %s", name, error)
        return False


# What shares a database connection runs in one thread.
GROUPS: tuple[Mapping[str, Check], ...] = (
    {"database": _can_query, "migrations": _has_migrations, "signing_key": _can_sign},
    {"cache": _can_cache},
)

_lock = Lock()
_runs: dict[int, _Run] = {}


def _join(group: int) -> _Run:
    with _lock:
        run = _runs.get(group)
        if run is None or run.ended.is_set():
            run = _runs[group] = _Run(GROUPS[group])
            run.start()
        return run


@require_safe
def healthz(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    runs = [_join(group) for group in range(len(GROUPS))]
    ends = monotonic() + LIMIT
    for run in runs:
        run.ended.wait(max(ends - monotonic(), 0))
    states = {name: run.states.get(name, False) for run in runs for name in run.checks}
    content = {
        "status": "ready" if all(states.values()) else "unavailable",
        "checks": {name: "ok" if state else "unavailable" for name, state in states.items()},
    }
    return JsonResponse(content, status=200 if all(states.values()) else 503, headers={"Cache-Control": "no-store"})
