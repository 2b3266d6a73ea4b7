"""What Prometheus sees of the protocol: how many requests, how they ended, how long they took.

Where PROMETHEUS_MULTIPROC_DIR is set, which must be before prometheus_client is imported, all workers count together; dashboard/metrics.py serves them.
"""

import logging
from collections.abc import Callable

from prometheus_client import Counter, Histogram

_REQUESTS = Counter(
    "tokenos_requests", "Protocol requests by endpoint, status of the answer and OAuth error, which is empty for a success.", ["endpoint", "status", "error"]
)
# prometheus_client looks for the bucket from the smallest on, so few small ones keep the usual request cheap.
_SECONDS = Histogram(
    "tokenos_request_seconds",
    "Seconds from the complete request to the complete answer, by endpoint.",
    ["endpoint"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)

logger = logging.getLogger("tokenos.oauth")

# Finding the children of a metric by their labels costs more than counting does.
_count: dict[tuple[str, int, str], Callable[[], None]] = {}
_time: dict[str, Callable[[float], None]] = {}


def observe(endpoint: str, status: int, error: str, seconds: float) -> None:
    """Count one answered request. Each argument comes from a closed set of our own: every value ever seen is kept, here and in Prometheus.

    error: as in the answer's body, "" for none.
    """
    key = (endpoint, status, error)
    try:
        if key not in _count:
            # In this order: another thread that finds the second line's entry must find the first's too.
            _time[endpoint] = _SECONDS.labels(endpoint).observe
            _count[key] = _REQUESTS.labels(endpoint, status, error).inc
        _count[key]()
        _time[endpoint](seconds)
    except OSError as failed:
        # A new label needs a file, for which there may be no room or no descriptor: that must not cost the answer.
        logger.warning("Not counted for Prometheus: %s", failed)
