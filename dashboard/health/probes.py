"""Liveness and readiness: /healthz says that the process answers, /readyz that each part works."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from dashboard.health import readiness
from dashboard.health.readiness import READY, UNAVAILABLE, State

NO_STORE = {"Cache-Control": "no-store"}
# Seconds for Retry-After, sent with a 503.
RETRY_AFTER = "2"
ALIVE = {"status": "ok"}


def find_at_once(path: str) -> tuple[int, dict[str, Any]] | None:
    """Status and content for that path, if they take no time; else None."""
    if path == "/healthz":
        return 200, ALIVE
    states = readiness.find_recent() if path == "/readyz" else None
    return _describe(states) if states is not None else None


@require_safe
def healthz(_request: HttpRequest) -> JsonResponse:
    return JsonResponse(ALIVE, headers=NO_STORE)


@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """If a part fails but tokens can still be issued, the instance is degraded, which is 200."""
    status, content = _describe(readiness.look())
    return JsonResponse(content, status=status, headers=NO_STORE if status == 200 else {**NO_STORE, "Retry-After": RETRY_AFTER})


def _describe(states: Mapping[str, State]) -> tuple[int, dict[str, Any]]:
    status = readiness.worst(state.status for state in states.values())
    checks = {name: _write(state) for name, state in states.items()}
    return 503 if status == UNAVAILABLE else 200, {"status": status, "at": datetime.now(UTC).isoformat(timespec="seconds"), "checks": checks}


def _write(state: State) -> dict[str, Any]:
    problem = {"problem": state.problem} if state.problem else {}
    return {"status": "ok" if state.status == READY else state.status, "ms": round(state.milliseconds, 1), **problem}
