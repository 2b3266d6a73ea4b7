"""Liveness and readiness: /healthz says that the process answers, /readyz that it can do its work, part by part."""

from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from dashboard.health import readiness
from dashboard.health.readiness import READY, UNAVAILABLE, State

NO_STORE = {"Cache-Control": "no-store"}
# Seconds, for whoever asks while it is 503.
RETRY_AFTER = "2"


@require_safe
def healthz(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"}, headers=NO_STORE)


@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """A part without which tokens are issued all the same makes the instance degraded, which is 200."""
    states = readiness.look()
    status = readiness.worst(state.status for state in states.values())
    content = {"status": status, "at": datetime.now(UTC).isoformat(timespec="seconds"), "checks": {name: _write(state) for name, state in states.items()}}
    if status == UNAVAILABLE:
        return JsonResponse(content, status=503, headers={**NO_STORE, "Retry-After": RETRY_AFTER})
    return JsonResponse(content, headers=NO_STORE)


def _write(state: State) -> dict[str, Any]:
    problem = {"problem": state.problem} if state.problem else {}
    return {"status": "ok" if state.status == READY else state.status, "ms": round(state.milliseconds, 1), **problem}
