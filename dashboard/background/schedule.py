"""The schedule of background work. Each process writes usage every few seconds. Every hour, one process of the installation prunes old rows, one checks whether
the signing key is due for rotation, one disables unused clients, one removes workspaces whose deletion is due, and one sums up the usage of weeks and months.
Every five minutes, one process sums up the usage of days, one notes clients' new addresses, and one sends mail about expiring credentials.

Turns and work go by the database's clock. A process whose clock is off takes no turn, and logs this every minute.

A failed job is logged and tried again. Only stop() ends the thread.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import close_old_connections, connection, connections

from clients.database_fault import find_fault
from clients.periods import DAY, MONTH, WEEK
from clients.services import deletion, new_addresses, unused, usage
from clients.services.activity import correct_counts
from clients.services.usage_summaries import make_summaries
from dashboard.background import prune
from dashboard.client.credentials import expiry_notices
from dashboard.instance import bootstrap
from dashboard.models import ScheduledJob
from oauth import services as oauth_services
from oauth.database_clock import read_clocks

FLUSH_SECONDS = 2
# With so few requests, write sooner: users want to see their own request on a page.
FLUSH_FEW_SECONDS = 0.5
FEW = 100
PRUNE_EVERY = timedelta(hours=1)
LOOK_AT_SIGNING_KEY_EVERY = timedelta(hours=1)
DISABLE_UNUSED_EVERY = timedelta(hours=1)
REMOVE_WORKSPACES_EVERY = timedelta(hours=1)
NOTE_NEW_ADDRESSES_EVERY = timedelta(minutes=5)
SUM_UP_DAY_EVERY = timedelta(minutes=5)
SEND_EXPIRY_NOTICES_EVERY = timedelta(minutes=5)
SUM_UP_WEEK_AND_MONTH_EVERY = timedelta(hours=1)
CERTIFICATE_SECONDS = 3600

# Each process checks this often whether it is its turn.
CLAIM_SECONDS = 60

# Seconds that stop() waits for the thread.
STOPPING = 4

logger = logging.getLogger("tokenos.background")

_stopping = threading.Event()
_thread: threading.Thread | None = None
_mailing: threading.Thread | None = None


def start() -> None:
    """Start this process's thread. Call it after the fork, because threads don't survive a fork."""
    global _thread
    _stopping.clear()
    _thread = threading.Thread(target=_run, name="background", daemon=True)
    _thread.start()


def stop() -> None:
    """Make the thread write the buffered usage, and wait for it."""
    _stopping.set()
    if _thread is not None:
        _thread.join(STOPPING)


def _run() -> None:
    opened = identify_database_file()
    # Seconds until the first run, and between runs. If a signing key became due while no process ran, it gets its successor at once.
    periodic: list[tuple[float, float, Callable[[], None]]] = [
        (0, CLAIM_SECONDS, check_clock),
        (CLAIM_SECONDS, CLAIM_SECONDS, prune_if_due),
        (0, CLAIM_SECONDS, rotate_signing_key_if_due),
        (CLAIM_SECONDS, CLAIM_SECONDS, disable_unused_clients_if_due),
        (CLAIM_SECONDS, CLAIM_SECONDS, remove_deleted_workspaces_if_due),
        (CLAIM_SECONDS, CLAIM_SECONDS, note_new_addresses_if_due),
        (CLAIM_SECONDS, CLAIM_SECONDS, sum_up_day_if_due),
        (CLAIM_SECONDS, CLAIM_SECONDS, send_expiry_notices_apart),
        (CLAIM_SECONDS, CLAIM_SECONDS, sum_up_week_and_month_if_due),
        (CERTIFICATE_SECONDS, CERTIFICATE_SECONDS, renew_certificate),
    ]
    due = [time.monotonic() + first for first, _, _ in periodic]
    flushed, works = time.monotonic(), True
    while not _stopping.wait(FLUSH_FEW_SECONDS):
        if time.monotonic() < flushed + FLUSH_SECONDS and not (works and 0 < usage.count_gathered() <= FEW):
            continue
        flushed, works = time.monotonic(), attempt(usage.flush)
        opened = opened or identify_database_file()
        if opened != (identify_database_file() or opened):
            # SQLite keeps using the file that it opened, even if another file has taken its name: this process wouldn't see revocations in the new file.
            logger.error(
                "%s was replaced while this process was serving. The process ends, and its successor opens the new file.", settings.DATABASES["default"]["NAME"]
            )
            os.kill(os.getpid(), signal.SIGTERM)
            return
        for index, (_, seconds, job) in enumerate(periodic):
            if time.monotonic() >= due[index]:
                due[index] = time.monotonic() + seconds
                attempt(job)
    attempt(usage.flush)
    connections.close_all()


def attempt(job: Callable[[], None]) -> bool:
    """Run the job. Returns whether it succeeded."""
    try:
        job()
    except Exception as error:
        fault = find_fault(error)
        if fault is None:
            logger.exception("Background work failed and will be tried again: %s", job.__name__)
        else:
            logger.error("Background work failed and will be tried again: %s", job.__name__, extra={"reason": f"{fault.sentence} {fault.fix}"})  # noqa: TRY400
        return False
    finally:
        # A connection broken by a failover is replaced before the next job.
        close_old_connections()
    return True


def identify_database_file() -> tuple[int, int] | None:
    """The file's device and inode; None if there is no file."""
    if connection.vendor != "sqlite":
        return None
    try:
        found = Path(settings.DATABASES["default"]["NAME"]).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def check_clock() -> None:
    clocks = read_clocks()
    if clocks.is_off:
        logger.warning("%s This process removes nothing, and leaves background work to others. Synchronise both machines with NTP.", clocks)


def _claim(name: str, *, every: timedelta) -> datetime | None:
    """The time to use for the job, None if it isn't this process's turn."""
    clocks = read_clocks()
    if clocks.is_off or not ScheduledJob.objects.claim(name, now=clocks.now, every=every):
        return None
    return clocks.now


def prune_if_due() -> None:
    now = _claim("prune", every=PRUNE_EVERY)
    if now is not None:
        prune.prune(now=now)


def rotate_signing_key_if_due() -> None:
    now = _claim("rotate_signing_key", every=LOOK_AT_SIGNING_KEY_EVERY)
    if now is not None:
        rotated = oauth_services.rotate_signing_key_if_due(now=now)
        if rotated:
            logger.info("Announced the signing key %s, which signs from %s on", rotated.key.kid, rotated.key.activates_at.isoformat())


def disable_unused_clients_if_due() -> None:
    now = _claim("disable_unused_clients", every=DISABLE_UNUSED_EVERY)
    if now is not None:
        for disabled in unused.disable_unused_clients(now=now):
            logger.info("Unused clients disabled: %s", disabled)
            if _stopping.is_set():
                return
        for warned in unused.warn_of_disuse(now=now):
            logger.info("Warned of unused clients that will be disabled: %s", warned)
            if _stopping.is_set():
                return


def remove_deleted_workspaces_if_due() -> None:
    now = _claim("remove_deleted_workspaces", every=REMOVE_WORKSPACES_EVERY)
    if now is not None:
        for slug in deletion.remove_deleted_workspaces(now=now):
            logger.info("Removed the workspace %s", slug)


def note_new_addresses_if_due() -> None:
    now = _claim("note_new_addresses", every=NOTE_NEW_ADDRESSES_EVERY)
    if now is not None:
        new_addresses.note_new_addresses(now=now)


def sum_up_day_if_due() -> None:
    now = _claim("sum_up_day", every=SUM_UP_DAY_EVERY)
    if now is not None:
        correct_counts(DAY, now=now)
        make_summaries(DAY, now=now)


def sum_up_week_and_month_if_due() -> None:
    now = _claim("sum_up_week_and_month", every=SUM_UP_WEEK_AND_MONTH_EVERY)
    if now is not None:
        for period in (WEEK, MONTH):
            correct_counts(period, now=now)
            make_summaries(period, now=now)


def send_expiry_notices_apart() -> None:
    """Use a separate thread, so that slow mail servers don't delay other work. A process that ends doesn't wait for it, so people may be told twice."""
    global _mailing
    if _mailing is None or not _mailing.is_alive():
        _mailing = threading.Thread(target=_send_expiry_notices, name="expiry notices", daemon=True)
        _mailing.start()


def _send_expiry_notices() -> None:
    attempt(send_expiry_notices_if_due)
    connections.close_all()


def send_expiry_notices_if_due() -> None:
    now = _claim("send_expiry_notices", every=SEND_EXPIRY_NOTICES_EVERY)
    if now is not None:
        sent = expiry_notices.send_due(now=now, is_over=_stopping.is_set)
        if sent:
            logger.info("Notices about expiring credentials sent: %s", sent)


def renew_certificate() -> None:
    """Each node renews its own files. A lock keeps its processes from doing this at the same time."""
    done = bootstrap.renew_certificate()
    if done:
        logger.info(done)
