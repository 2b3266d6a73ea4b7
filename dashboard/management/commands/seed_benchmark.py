"""manage.py seed_benchmark: makes clients in bulk, for measuring."""

import os
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from clients.management.arguments import parse_whole_number, require_workspace
from clients.management.base import JSONCommand
from clients.services.audit import Actor
from clients.services.benchmark import MAX_CLIENTS, Credentials, seed_clients
from clients.services.benchmark_usage import MAX_DAYS, seed_usage


class Command(JSONCommand):
    help = "Create clients with one secret each, and their usage, for measuring. The credentials of the last few clients go into a file."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--clients", required=True, metavar="N")
        parser.add_argument("--known", required=True, metavar="K", help="how many of them are usable")
        parser.add_argument("--usage-days", metavar="N", help="days of usage for all clients of the workspace, up to now (default: none)")
        parser.add_argument("--credentials", required=True, metavar="FILE", help="a new file, one client ID and secret per line, separated by a tab")

    def run(self, options: Mapping[str, Any], *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        started = time.monotonic()
        workspace = require_workspace(options["workspace"])
        clients = parse_whole_number(options["clients"], field="number of clients", least=1, most=MAX_CLIENTS)
        known = parse_whole_number(options["known"], field="number of known clients", least=0, most=clients)
        days = parse_whole_number(options["usage_days"] or "0", field="number of days", least=0, most=MAX_DAYS)
        file = Path(options["credentials"])
        try:
            descriptor = os.open(options["credentials"], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise CommandError(f"“{str(file)[:200]}” already exists. Name a new file.") from error
        except OSError as error:
            raise CommandError(_cannot_write(file, error)) from error
        try:
            seed_clients(workspace=workspace, clients=clients, known=known, deliver=lambda credentials: _write(descriptor, credentials), actor=actor, now=now)
        except BaseException as error:
            file.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise CommandError(_cannot_write(file, error)) from error
            raise
        if days:
            seed_usage(workspace=workspace, days=days, actor=actor, now=now)
        return {"workspace": workspace.slug, "clients": clients, "known": known, "usage_days": days, "seconds": round(time.monotonic() - started, 1)}


def _cannot_write(file: Path, error: OSError) -> str:
    return f"“{str(file)[:200]}” can't be written ({error.strerror}), so no client was made. Name a file in a folder that you may write to."


def _write(descriptor: int, credentials: Credentials) -> None:
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.writelines(f"{client_id}\t{plaintext}\n" for client_id, plaintext in credentials)
        file.flush()
        os.fsync(file.fileno())
