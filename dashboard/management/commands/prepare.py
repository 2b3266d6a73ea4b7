"""manage.py prepare: makes the database ready to serve, for make setup and make run. It only adds missing things.

The demo client's secret goes into a file with mode 0600 and is never printed. If you delete the demo workspace, or disable or delete the demo client, they
aren't made again.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from clients.management.base import JSONCommand
from clients.services.audiences import find_foreign_audiences, say_foreign
from clients.services.audit import Actor
from dashboard.instance.checks import describe
from dashboard.instance.files import locked
from dashboard.workspaces import first_start
from oauth.patience import MIGRATION_STATEMENT, patience

_MAX_LINES = 20


class Command(JSONCommand):
    help = "Prepare the database: migrations, static files, first signing key, demo workspace and client. Only adds what is missing."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("--announce", action="store_true", help="finally print the URL, how to sign in, and a curl command that gets a token")

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        # Other users must not read the database file and the files that SQLite puts beside it.
        os.umask(0o077)
        try:
            with _one_at_a_time():
                return _prepare(announce=options["announce"], actor=actor, now=now)
        except OSError as error:
            raise CommandError(f"{error.filename or settings.DATA_DIR}: {error.strerror}. TokenOS must be able to write there; see DATA_DIR.") from error

    def render(self, result: Mapping[str, Any]) -> str:
        announced = first_start.render_announcement(result["announcement"]) if "announcement" in result else []
        return "\n".join([*result["done"], *result.get("warnings", ()), *announced] or ["Nothing to do."])


def _prepare(*, announce: bool, actor: Actor, now: datetime) -> dict[str, Any]:
    warnings = _check_settings()
    steps = (
        _migrate(),
        first_start.collect_static_files(),
        first_start.create_signing_key(actor=actor, now=now),
        first_start.create_demo_workspace(actor=actor, now=now),
        first_start.write_curl_configuration(actor=actor, now=now),
    )
    warnings += _find_foreign_audiences()
    result: dict[str, Any] = {"done": [step for step in steps if step is not None]}
    if warnings:
        result["warnings"] = warnings
    return {**result, "announcement": first_start.announce(actor=actor, now=now)} if announce else result


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Lock this DATA_DIR and, with PostgreSQL, all nodes of the database."""
    with locked(settings.DATA_DIR):
        if connection.vendor != "postgresql":
            yield
            return
        # Another node may be running migrations.
        with _waiting_for_migrations(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(hashtext('tokenos prepare'))")
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtext('tokenos prepare'))")


@contextmanager
def _waiting_for_migrations() -> Iterator[None]:
    mine = patience()
    usual, mine.statement = mine.statement, MIGRATION_STATEMENT
    try:
        yield
    finally:
        mine.statement = usual


def _check_settings() -> list[str]:
    """Return a line for each warning; raise CommandError if there is an error."""
    messages = checks.run_checks()
    wrong = [message for message in messages if message.is_serious()]
    if wrong:
        raise CommandError(" ".join(f"{message.msg} {message.hint or ''}".strip() for message in wrong))
    return [f"Warning: {describe([message])}" for message in messages if message.level >= checks.WARNING]


def _find_foreign_audiences() -> list[str]:
    """A line for each foreign audience. They may result from an upgrade or a new ISSUER_URL, and requests for tokens with them are refused."""
    found = list(islice(find_foreign_audiences(), _MAX_LINES + 1))
    more = ["Warning: There are more such clients. List them all: .venv/bin/python manage.py check_audiences"] if len(found) > _MAX_LINES else []
    return [*(f"Warning: {say_foreign(one)}" for one in found[:_MAX_LINES]), *more]


def _migrate() -> str | None:
    executor = MigrationExecutor(connection)
    known = set(executor.loader.disk_migrations) | {old for new in executor.loader.replacements.values() for old in new.replaces}
    unknown = sorted(".".join(migration) for migration in executor.loader.applied_migrations if migration not in known)
    if unknown:
        raise CommandError(
            f"The database was made by a newer version of TokenOS (it has {', '.join(unknown[:3])}). "
            "Install that version again, or restore the backup that you made before the upgrade."
        )
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not plan:
        return None
    with _waiting_for_migrations():
        call_command("migrate", interactive=False, verbosity=0)
    return f"Migrated the database ({len(plan)} migration{'s' if len(plan) != 1 else ''})"
