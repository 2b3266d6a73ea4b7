"""Measures the dashboard's pages with much data: TokenOS alone, one worker, one reader, every page many times.

python -m tests.performance.pages [--markdown] [--clients N] [--usage-days N] [--requests N] [--database sqlite|postgresql]

The clients are those of seed_benchmark; some expire soon, are in a rotation, have public keys, or have long been unused. A figure is the time that a program on
the same machine measures: a new TLS connection, session, page and all its queries. CPU is the worker's, without PostgreSQL's; other work of the machine only
affects the other figures. docs/performance.md contains the result. Exits with 1 if an answer wasn't 200, or a page takes longer than its limit in more than 1
of 20 requests.
"""

import argparse
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import quantiles

import psycopg

from tests.performance.servers import BenchError, Server, install, run
from tests.ports import free_port

LIMIT_MS = 150
WARMING = 3

# By name: the path below /w/demo/, and whether it is a fragment that a script requests.
PAGES = {
    "clients": ("clients/", False),
    "clients, 100 a page": ("clients/?size=100", False),
    "clients, search as you type": ("clients/?q=mark+77", True),
    "clients by name": ("clients/?sort=name", False),
    "clients by authentication method": ("clients/?sort=-method", False),
    "clients by scopes": ("clients/?sort=-scopes", False),
    "clients by expiry": ("clients/?sort=expires", False),
    "clients by last use": ("clients/?sort=used", False),
    "test clients": ("clients/?env=test", False),
    "clients that need attention": ("clients/?status=attention", False),
    "clients unused for 90 days": ("clients/?status=unused", False),
    "all filters at once": ("clients/?q=mark&env=live&status=attention&sort=expires", False),
    "search as you type": ("search/?q=chmark+12", True),
    "search as you type, with letters left out": ("search/?q=bnchmrk9", True),
    "a client": ("clients/{client}/", False),
    "a client, 30 days": ("clients/{client}/?period=30d", False),
    "its requests": ("clients/{client}/requests/", False),
    "its refused requests": ("clients/{client}/requests/?result=refused", False),
    "disabling it": ("clients/{client}/disable/", False),
    "usage, 24 hours": ("usage/?period=24h", False),
    "usage, 7 days": ("usage/?period=7d", False),
    "usage, 30 days": ("usage/?period=30d", False),
    "usage of live clients, 30 days": ("usage/?period=30d&env=live", False),
    "usage of a client, 30 days": ("usage/?period=30d&client={client}", False),
    "audit log": ("audit/?period=all", False),
    "audit log, searched": ("audit/?period=all&q=nothing-like-it", False),
    "leak response": ("leak/", False),
    "leak response, found": ("leak/?what=i.{client}", False),
    "hygiene": ("hygiene/", False),
    "hygiene, scopes": ("hygiene/unused-scopes/", False),
    "hygiene, idle clients": ("hygiene/idle/", False),
    "members": ("members/", False),
    "health": ("health/", False),
}

# It runs beside the database: some variety among the clients, and a session of the owner.
_SIGN_IN = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"
import django
django.setup()
from datetime import timedelta
from django.conf import settings
from django.db.models import F
from allauth.usersessions.models import UserSession
from dashboard.people.session_store import digest_key
from django.test import Client as Browser
from django.utils import timezone
from clients.models import Client, ClientActivity, ClientPublicKey, ClientSecret
from dashboard.models import Membership
now = timezone.now()
secrets = ClientSecret.objects.all()
secrets.annotate(rest=F("pk") % 40).filter(rest=1).update(expires_at=now + timedelta(days=9))
secrets.annotate(rest=F("pk") % 3).filter(rest=2).update(expires_at=now + timedelta(days=300))
rotating = secrets.annotate(rest=F("pk") % 100).filter(rest=7)
ClientSecret.objects.bulk_create(
    ClientSecret(client_id=old.client_id, secret_id=f"N{old.pk:09}", hash=old.hash, created_at=now - timedelta(hours=2), created_by="bench") for old in rotating
)
rotating.update(created_at=now - timedelta(days=90), expires_at=now + timedelta(hours=20), last_used_at=now)
ClientPublicKey.objects.bulk_create(
    ClientPublicKey(client=client, kid="k", thumbprint=f"{client.pk:043}", algorithm="ES256", public_jwk={}, created_at=now, created_by="bench")
    for client in Client.objects.annotate(rest=F("pk") % 5).filter(rest=0)
)
Client.objects.annotate(rest=F("pk") % 7).filter(rest=0).update(environment="test")
Client.objects.update(created_at=now - timedelta(days=200))
ClientActivity.objects.update(last_used_at=now)
ClientActivity.objects.annotate(rest=F("pk") % 4).filter(rest=3).update(last_used_at=now - timedelta(days=120))
ClientActivity.objects.annotate(rest=F("pk") % 50).filter(rest=0).update(new_address="192.0.2.7", new_address_at=now)
browser = Browser()
owner = Membership.objects.get(workspace__slug="demo", role="owner").user
browser.force_login(owner)
UserSession.objects.create(user=owner, session_key=digest_key(browser.session.session_key), ip="127.0.0.1", user_agent="")
print(browser.cookies[settings.SESSION_COOKIE_NAME].value, Client.objects.order_by("pk")[5].client_id, settings.SESSION_COOKIE_NAME)
"""


def measure(server: Server, path: str, headers: dict[str, str], requests: int) -> tuple[list[float], float]:
    """Milliseconds of each, and of the server's CPU for one."""
    found = []
    for number in range(WARMING + requests):
        if number == WARMING:
            before = server.cpu_seconds()
        started = time.perf_counter()
        status, _, body = server.request("GET", path, headers)
        if status != 200:
            raise BenchError(f"{path} was answered with {status}: {body.decode(errors='replace')[:300]}")
        if number >= WARMING:
            found.append((time.perf_counter() - started) * 1000)
    return found, (server.cpu_seconds() - before) / requests * 1000


def main() -> int:
    options = _read_options()
    rows: list[tuple[str, float, float, float]] = []
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pages-")))
        database_url = ""
        if options.database == "postgresql":
            from tests.servers.stores import PostgreSQL

            postgresql = PostgreSQL.create(free_port())
            stack.callback(postgresql.remove)
            database_url = postgresql.create_database()
        installation, _ = install(directory / "tokenos", clients=options.clients, known=1, database_url=database_url, usage_days=options.usage_days)
        session, client, cookie = run(["-c", _SIGN_IN], installation.environment).split()
        if database_url:
            # The planner must know the sizes of tables, as after autovacuum's next minute; and the old versions of rows that were all rewritten must be gone.
            with psycopg.connect(database_url, autocommit=True) as database:
                database.execute("VACUUM FULL ANALYZE")
        server = installation.server("serving", is_tls=True, workers=1)
        run(["manage.py", "prepare"], server.environment)  # pages need the static files, which have a separate folder
        server.start()
        stack.callback(server.stop)
        for name, (path, is_part) in PAGES.items():
            headers = {"Cookie": f"{cookie}={session}", "Host": "localhost", **({"HX-Request": "true"} if is_part else {})}
            found, cpu = measure(server, f"/w/demo/{path.format(client=client)}", headers, options.requests)
            p50, p95 = quantiles(found, n=20)[9], quantiles(found, n=20)[18]
            rows.append((name, p50, p95, cpu))
            sys.stderr.write(f"{name}: {p50:.0f} ms, {p95:.0f} ms, {cpu:.0f} ms of CPU\n")
    sys.stdout.write(_render(rows, options) + "\n")
    return int(any(p95 > LIMIT_MS for _, _, p95, _ in rows))


def _render(rows: list[tuple[str, float, float, float]], options: argparse.Namespace) -> str:
    facts = f"{options.clients:,} clients, {options.usage_days} days of usage, {options.database}, {os.cpu_count()} cores, {options.requests} requests each."
    if options.markdown:
        lines = [f"| {name} | {p50:.0f} ms | {p95:.0f} ms | {cpu:.0f} ms |" for name, p50, p95, cpu in rows]
        return "\n".join(["| page | p50 | p95 | CPU |", "|---|--:|--:|--:|", *lines, "", facts])
    return "\n".join([*(f"{name:<32}{p50:>8.0f} ms{p95:>8.0f} ms{cpu:>8.0f} ms of CPU" for name, p50, p95, cpu in rows), facts])


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.performance.pages")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--clients", type=int, default=10_000)
    parser.add_argument("--usage-days", type=int, default=30)
    parser.add_argument("--requests", type=int, default=40)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
