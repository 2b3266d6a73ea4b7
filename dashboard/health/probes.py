"""Liveness and readiness: /healthz says that the process answers, /readyz that each part works."""

from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from dashboard.health import readiness
from dashboard.health.readiness import READY, UNAVAILABLE, State

NO_STORE = {"Cache-Control": "no-store"}
# Seconds for Retry-After, sent with a 503.
RETRY_AFTER = "2"


@require_safe
def healthz(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"}, headers=NO_STORE)


@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """If a part fails but tokens can still be issued, the instance is degraded, which is 200."""
    states = readiness.look()
    status = readiness.worst(state.status for state in states.values())
    content = {"status": status, "at": datetime.now(UTC).isoformat(timespec="seconds"), "checks": {name: _write(state) for name, state in states.items()}}
    if status == UNAVAILABLE:
        return JsonResponse(content, status=503, headers={**NO_STORE, "Retry-After": RETRY_AFTER})
    return JsonResponse(content, headers=NO_STORE)


def _write(state: State) -> dict[str, Any]:
    problem = {"problem": state.problem} if state.problem else {}
    return {"status": "ok" if state.status == READY else state.status, "ms": round(state.milliseconds, 1), **problem}
