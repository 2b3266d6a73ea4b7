"""The parts that this instance needs to issue tokens, measured when somebody opens the page. dashboard.health.probes serves /readyz."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection, transaction
from django.db.models import F, Max

from clients.database_fault import (
    CANCELLED,
    DAMAGED,
    DEADLOCK,
    DISK_FULL,
    LOCKED,
    NO_ANSWER,
    NO_MEMORY,
    READ_ONLY,
    TOO_MANY_CONNECTIONS,
    UNREACHABLE,
    find_fault,
)
from clients.key_encryption import decrypt
from clients.models import AuditEvent
from dashboard.frame.moment import say_length
from dashboard.health import mail_check
from dashboard.instance import mail
from dashboard.instance.server_certificate import RENEWAL
from dashboard.models import ScheduledJob
from oauth.database_clock import MAX_CLOCK_DIFFERENCE, read_clocks
from oauth.models import SigningKey

GOOD, SOON, BAD, OFF = "ok", "warn", "bad", "off"

SLOW_MS = 50
CERTIFICATE_DAYS = 14
CLOCK_SECONDS = 1
LATE = timedelta(minutes=10)
LITTLE_DISK, NO_DISK = 2 * 1024**3, 200 * 1024**2
# A successor should have been announced this long after SIGNING_KEY_ROTATION_DAYS.
_GRACE = timedelta(days=2)


# The effect on tokens: a token request with a secret only reads the database; one with an assertion or DPoP also writes a mark.
_PROBLEMS = {
    UNREACHABLE: ("the database can’t be reached", True),
    NO_ANSWER: ("the database doesn’t answer", True),
    TOO_MANY_CONNECTIONS: ("the database accepts no more connections", True),
    NO_MEMORY: ("the database has run out of memory", True),
    CANCELLED: ("the database took too long for a write", True),
    DEADLOCK: ("two changes waited for each other, and the database aborted one of them", False),
    DAMAGED: ("the database is damaged, or its disk is failing", True),
    DISK_FULL: ("the database’s disk is full, so nothing can be changed, and clients with private_key_jwt or DPoP get no tokens", False),
    READ_ONLY: ("the database is read-only, so nothing can be changed, and clients with private_key_jwt or DPoP get no tokens", False),
    LOCKED: ("another program has locked the database, so nothing can be changed, and clients with private_key_jwt or DPoP get no tokens", False),
}


@dataclass(frozen=True, slots=True)
class Part:
    """state: GOOD, SOON if somebody has to act soon, BAD, or OFF if it isn't used. word: the state for people. code, measured, limit: for admins. code: an
    identifier before measured.

    problem: a clause, “the database is read-only”, "" for none. fix: the command that solves it, or what to do. stops_tokens: whether a bad state means that
    nobody gets tokens.
    """

    key: str
    name: str
    state: str
    word: str
    measured: str
    limit: str = ""
    problem: str = ""
    fix: str = ""
    code: str = ""
    stops_tokens: bool = False


def measure(now: datetime) -> list[Part]:
    return [part(now) for part in _PARTS]


def _database(_now: datetime) -> Part:
    kind = f"{connection.vendor.replace('sqlite', 'SQLite').replace('postgresql', 'PostgreSQL')}"
    limit = f"{SLOW_MS} ms"
    begins = time.perf_counter()
    try:
        with transaction.atomic():
            # A real write without a change, which reveals a full or read-only file system.
            ScheduledJob.objects.update(next_run_at=F("next_run_at"))
    except DatabaseError as error:
        fault = find_fault(error) or UNREACHABLE
        measured = f"{kind}, write failed: {str(error).splitlines()[0][:120]}"
        problem, stops_tokens = _PROBLEMS[fault]
        return Part("database", "Database", BAD, "Failed", measured, limit, problem, fault.fix.rstrip("."), stops_tokens=stops_tokens)
    took = (time.perf_counter() - begins) * 1000
    measured = f"{kind}, {_say_ms(took)} for a write, {_say_bytes(_database_size())}"
    if took > SLOW_MS:
        return Part("database", "Database", SOON, "Slow", measured, limit, f"the database takes {_say_ms(took)} for a write", "Check the load of its machine")
    return Part("database", "Database", GOOD, "Good", measured, limit)


def _database_size() -> int:
    if connection.vendor == "sqlite":
        file = str(settings.DATABASES["default"]["NAME"])
        return sum(Path(part).stat().st_size for part in (file, f"{file}-wal") if Path(part).exists())
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])


def _cache(now: datetime) -> Part:
    kind = "in process" if "locmem" in settings.CACHES["default"]["BACKEND"] else "Redis"
    limit, begins = f"{SLOW_MS} ms", time.perf_counter()
    try:
        cache.set("health", now.isoformat(), 60)
        is_kept = cache.get("health") is not None
    except Exception as error:  # noqa: BLE001  # whatever the driver raises
        return Part("cache", "Cache", BAD, "Failed", f"{kind}: {type(error).__name__}", limit, "the cache can’t be reached", "Check Redis, see CACHE_URL")
    took = (time.perf_counter() - begins) * 1000
    if not is_kept:
        return Part("cache", "Cache", BAD, "Failed", f"{kind}, stores nothing", limit, "the cache stores nothing", "Check Redis, see CACHE_URL")
    state, word, problem = (SOON, "Slow", "the cache is slow") if took > SLOW_MS else (GOOD, "Good", "")
    return Part("cache", "Cache", state, word, f"{kind}, {_say_ms(took)} for a write and a read", limit, problem)


def _signing_key(now: datetime) -> Part:
    days = settings.SIGNING_KEY_ROTATION_DAYS
    limit = f"{days} day{'s' if days > 1 else ''}" if days else "none"
    keys = list(SigningKey.objects.going_on(now).order_by("-activates_at", "-id"))
    key = next((key for key in keys if key.activates_at <= now), None)
    if key is None:
        problem, fix = "there is no key that signs tokens", ".venv/bin/python manage.py rotate_signing_key --now"
        return Part("signing_key", "Signing key", BAD, "Missing", "none", limit, problem, fix, stops_tokens=True)
    if not _can_open(key):
        problem, fix = "the signing key can’t be decrypted", "Put the key that encrypted it back into KEY_ENCRYPTION_KEYS"
        return Part("signing_key", "Signing key", BAD, "Locked", key.algorithm, limit, problem, fix, code=key.kid, stops_tokens=True)
    next_at = keys[0].activates_at if keys[0].pk != key.pk else key.activates_at + timedelta(days=days)
    said = f"{key.algorithm}, {say_length(now - key.activates_at)} old"
    if not days and keys[0].pk == key.pk:
        return Part("signing_key", "Signing key", GOOD, "Good", f"{said}, rotated by hand", limit, code=key.kid)
    if next_at + _GRACE < now:
        problem, fix = "the signing key should have been rotated", ".venv/bin/python manage.py rotate_signing_key"
        return Part("signing_key", "Signing key", SOON, "Late", f"{said}, due {say_length(now - next_at)} ago", limit, problem, fix, code=key.kid)
    return Part("signing_key", "Signing key", GOOD, "Good", f"{said}, next in {say_length(next_at - now)}", limit, code=key.kid)


def _can_open(key: SigningKey) -> bool:
    try:
        return bool(decrypt(key.private_key, context=key.kid))
    except Exception:  # noqa: BLE001  # after any error, the key doesn't sign
        return False


def _certificate(now: datetime) -> Part:
    if not settings.TLS:
        return Part("certificate", "TLS certificate", OFF, "Elsewhere", "the proxy in front of this server has it")
    file, limit = settings.DATA_DIR / "tls" / "server.pem", f"{CERTIFICATE_DAYS} days"
    try:
        ends = x509.load_pem_x509_certificates(file.read_bytes())[0].not_valid_after_utc
    except (OSError, ValueError):
        return Part("certificate", "TLS certificate", BAD, "Missing", f"none in {file}", limit, "there is no TLS certificate", f"Put one into {file}")
    left = ends - now
    if left <= timedelta():
        problem = "the TLS certificate has expired"
        return Part("certificate", "TLS certificate", BAD, "Expired", f"expired {say_length(-left)} ago", limit, problem, f"Replace {file}")
    if left < timedelta(days=CERTIFICATE_DAYS):
        problem = f"the TLS certificate expires in {say_length(left)}"
        return Part("certificate", "TLS certificate", SOON, "Soon", f"expires in {say_length(left)}", limit, problem, f"Replace {file}")
    renewed = f", renewed {RENEWAL.days} days before if TokenOS issued it" if left > RENEWAL else ""
    return Part("certificate", "TLS certificate", GOOD, "Good", f"expires in {say_length(left)}{renewed}", limit)


def _clock(now: datetime) -> Part:
    """The clock is compared with the database's, if that is another one, and with existing events, which can't be from the future."""
    newest = AuditEvent.objects.aggregate(newest=Max("created_at"))["newest"]
    ahead = (newest - now).total_seconds() if newest else 0.0
    off, said = _compare_clocks()
    limit = f"{CLOCK_SECONDS} s"
    if abs(off) > CLOCK_SECONDS:
        idle = ", so this process removes nothing and leaves background work to others" if abs(off) > MAX_CLOCK_DIFFERENCE.total_seconds() else ""
        problem = f"the clock is {abs(off):,.0f} s off the database’s{idle}"
        return Part("clock", "Clock", BAD, "Off", said, limit, problem, "Synchronise both machines with NTP")
    if ahead > CLOCK_SECONDS:
        problem = f"the newest audit event is {ahead:,.0f} s ahead of this clock"
        return Part("clock", "Clock", BAD, "Off", problem, limit, problem, "Synchronise all machines with NTP")
    return Part("clock", "Clock", GOOD, "Good", said, limit)


def _compare_clocks() -> tuple[float, str]:
    """The difference of the clocks in seconds, and in words."""
    off = read_clocks().ahead.total_seconds()
    return off, f"{abs(off) * 1000:,.0f} ms off the database’s" if off else "in sync with the database"


def _mail(now: datetime) -> Part:
    backend = settings.EMAIL_BACKEND
    if "smtp" not in backend:
        return Part("mail", "Mail", OFF, "Not sent", "written to DATA_DIR/mail, see EMAIL_URL" if mail.goes_to_files() else "not sent by SMTP")
    checked = mail_check.look(now)
    server = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    if checked is None:
        return Part("mail", "Mail", OFF, "Checking", f"checking {server}")
    failed = f", last failed {say_length(now - checked.failed_at)} ago" if checked.failed_at else ""
    measured = f"{server}, checked {say_length(now - checked.at)} ago{failed}"
    if not checked.is_reachable:
        return Part("mail", "Mail", BAD, "Failed", measured, "", "the mail server can’t be reached", "Check EMAIL_URL and the mail server")
    return Part("mail", "Mail", GOOD, "Good", measured)


def _background(now: datetime) -> Part:
    jobs, limit = list(ScheduledJob.objects.order_by("next_run_at")), f"{say_length(LATE)} late"
    if not jobs:
        return Part("background", "Background work", OFF, "Starting", "nothing was due yet", limit)
    first = jobs[0]
    late = now - first.next_run_at
    name = first.name.replace("_", " ")
    if late > LATE:
        problem = f"background work isn’t running: “{name}” is {say_length(late)} late"
        return Part("background", "Background work", BAD, "Late", problem, limit, problem, "Look for “Background work failed” in the log, and restart TokenOS")
    return Part(
        "background", "Background work", GOOD, "Good", f"{len(jobs)} job{'s' if len(jobs) != 1 else ''}, next in {say_length(max(-late, timedelta()))}", limit
    )


def _disk(_now: datetime) -> Part:
    limit = _say_bytes(LITTLE_DISK)
    try:
        free = shutil.disk_usage(settings.DATA_DIR).free
    except OSError:
        return Part("disk", "Disk", BAD, "Missing", f"{settings.DATA_DIR} can’t be read", limit, f"{settings.DATA_DIR} can’t be read", "Mount it again")
    measured = f"{_say_bytes(free)} free in {settings.DATA_DIR}"
    if free < LITTLE_DISK:
        state, word = (BAD, "Full") if free < NO_DISK else (SOON, "Soon")
        return Part("disk", "Disk", state, word, measured, limit, f"the disk has {_say_bytes(free)} left", f"Free some space in {settings.DATA_DIR}")
    return Part("disk", "Disk", GOOD, "Good", measured, limit)


def _say_ms(milliseconds: float) -> str:
    return f"{milliseconds:.1f} ms" if milliseconds < 10 else f"{milliseconds:,.0f} ms"


def _say_bytes(count: int) -> str:
    for size, unit in ((1024**3, "GB"), (1024**2, "MB")):
        if count >= size:
            return f"{count / size:,.0f} {unit}"
    return f"{count / 1024:,.0f} kB"


_PARTS: tuple[Callable[[datetime], Part], ...] = (_database, _cache, _signing_key, _certificate, _clock, _mail, _background, _disk)
