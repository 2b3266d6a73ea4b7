"""Answers load balancers and Prometheus before scheme and Host are checked: they are nearby, use an IP address, and often plain HTTP."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from dashboard.health.metrics import may_read_metrics, metrics
from dashboard.health.probes import healthz, readyz

GetResponse = Callable[[HttpRequest], HttpResponse]


class OperationsMiddleware:
    """For callers outside METRICS_ALLOWED, /metrics is answered like a path that doesn't exist."""

    VIEWS = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        view = self.VIEWS.get(request.path)
        if view is None or (view is metrics and not may_read_metrics(request)):
            return self.get_response(request)
        return view(request)
