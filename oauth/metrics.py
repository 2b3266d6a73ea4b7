"""The protocol's Prometheus metrics: the number of requests, their results and their durations. dashboard/health/metrics.py serves them.

All processes that were forked after this module was imported count together. Counting doesn't need a disk, and if it fails, the request is still answered.
"""

import logging
from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate
from threading import Lock

from django.conf import settings
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from oauth.shared_numbers import NoRoomError, Row, SharedNumbers

# Upper bounds of the buckets, in seconds; one more bucket counts longer times. The sum is in the last column.
_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_SUM = -1

# Processes that may count together. A reload starts new workers beside the old ones.
PLACES = 4 * settings.WEB_CONCURRENCY + 60

logger = logging.getLogger("tokenos.oauth")

_numbers = SharedNumbers(PLACES)
_lock = Lock()
# For each (endpoint, status, error): the row with its number, and the row with the times of its endpoint.
_rows: dict[tuple[str, int, str], tuple[Row, Row]] = {}
_is_full = False


def take_place(place: int) -> None:
    """Call it in a forked process, with a number that no other living process has. A process whose number isn't below PLACES counts only for itself."""
    _numbers.take(place)
    _rows.clear()


def observe(endpoint: str, status: int, error: str, seconds: float) -> None:
    """Count one answered request. Each argument must come from a closed set of our own, because every value ever seen is kept, here and in Prometheus.

    error: as in the response's body, "" for none.
    """
    global _is_full
    try:
        count, times = _rows.get((endpoint, status, error)) or _find_rows(endpoint, status, error)
    except NoRoomError:
        if not _is_full:
            logger.warning("Not counted for Prometheus: %s %s %s. There are too many different results.", endpoint, status, error)
        _is_full = True
        return
    with _lock:
        count[0] += 1
        times[bisect_left(_BOUNDS, seconds)] += 1
        times[_SUM] += seconds


def _find_rows(endpoint: str, status: int, error: str) -> tuple[Row, Row]:
    rows = _numbers.find_row(f"requests {endpoint} {status} {error}"), _numbers.find_row(f"seconds {endpoint}")
    _rows[endpoint, status, error] = rows
    return rows


class ProtocolMetrics(Collector):
    """A collector for a registry of prometheus_client."""

    def collect(self) -> Iterable[Metric]:
        requests = CounterMetricFamily(
            "tokenos_requests",
            "Protocol requests by endpoint, response status and OAuth error, which is empty for a success.",
            labels=["endpoint", "status", "error"],
        )
        seconds = HistogramMetricFamily(
            "tokenos_request_seconds", "Seconds from the complete request to the complete response, by endpoint.", labels=["endpoint"]
        )
        bounds = [*map(str, _BOUNDS), "+Inf"]
        for name, row in sorted(_numbers.sum_up().items()):
            kind, *labels = name.split(" ")
            if kind == "requests":
                requests.add_metric(labels, row[0])
            else:
                seconds.add_metric(labels, list(zip(bounds, accumulate(row), strict=False)), row[_SUM])
        return [requests, seconds]
