"""What Prometheus reads at /metrics: the numbers of oauth/metrics.py, of all workers where PROMETHEUS_MULTIPROC_DIR is set.

To everyone outside METRICS_ALLOWED the page doesn't exist.
"""

import os
from ipaddress import ip_address

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.views.decorators.csrf import csrf_exempt
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from dashboard.caller import connection_of


def _may_read(address: str) -> bool:
    """address: "" where the connection shows none."""
    return bool(address) and any(ip_address(address) in network for network in settings.METRICS_ALLOWED)


def _registry() -> CollectorRegistry:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # prometheus_client types it in part
    return registry


@csrf_exempt  # a stranger's POST gets the 404 of an unknown path, not CSRF's 403
def metrics(request: HttpRequest) -> HttpResponse:
    if not _may_read(connection_of(request).remote_address):
        raise Http404
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    return HttpResponse(generate_latest(_registry()), content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})
