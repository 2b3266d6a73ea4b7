"""/metrics for Prometheus: the numbers from oauth/metrics.py, for all workers together."""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from dashboard.people.caller import connection_of
from oauth.metrics import ProtocolMetrics

_registry = CollectorRegistry()
_registry.register(ProtocolMetrics())


def may_read_metrics(request: HttpRequest) -> bool:
    """Whether METRICS_ALLOWED contains the caller's address; False if that is unknown."""
    address = connection_of(request).remote_address
    return bool(address) and any(ip_address(address) in network for network in settings.METRICS_ALLOWED)


@require_safe
def metrics(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(generate_latest(_registry), content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})
