"""What is done when: usage is written every few seconds by each process, old rows are pruned hourly by one process of the whole installation.

A job that fails is logged and comes again; nothing ends the thread but stop().
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from django.db import close_old_connections, connections
from django.utils import timezone

from clients.services import usage
from dashboard import bootstrap, services
from dashboard.models import ScheduledJob

FLUSH_SECONDS = 2
PRUNE_EVERY = timedelta(hours=1)
CERTIFICATE_SECONDS = 3600

# How often each process asks whether it is its turn to prune.
CLAIM_SECONDS = 60

# Seconds that stop() waits for the thread.
STOPPING = 4

logger = logging.getLogger("tokenos.background")

_stopping = threading.Event()
_thread: threading.Thread | None = None


def start() -> None:
    """Start the thread of this process; called after the fork, for a thread doesn't survive one."""
    global _thread
    _stopping.clear()
    _thread = threading.Thread(target=_run, name="background", daemon=True)
    _thread.start()


def stop() -> None:
    """Let the thread write what is still buffered, and wait for it."""
    _stopping.set()
    if _thread is not None:
        _thread.join(STOPPING)


def _run() -> None:
    periodic: list[tuple[float, Callable[[], None]]] = [(CLAIM_SECONDS, prune_if_due), (CERTIFICATE_SECONDS, renew_certificate)]
    due = [time.monotonic() + seconds for seconds, _ in periodic]
    while not _stopping.wait(FLUSH_SECONDS):
        attempt(usage.flush)
        for index, (seconds, job) in enumerate(periodic):
            if time.monotonic() >= due[index]:
                due[index] = time.monotonic() + seconds
                attempt(job)
    attempt(usage.flush)
    connections.close_all()


def attempt(job: Callable[[], None]) -> None:
    try:
        job()
    except Exception:
        logger.exception("Background work failed and will be tried again: %s", job.__name__)
    # A connection that a failover broke is replaced before the next job.
    close_old_connections()


def prune_if_due() -> None:
    now = timezone.now()
    if ScheduledJob.objects.claim("prune", now=now, every=PRUNE_EVERY):
        services.prune(now=now)


def renew_certificate() -> None:
    """Each node has its own files; its processes exclude each other."""
    done = bootstrap.renew_certificate()
    if done:
        logger.info(done)
