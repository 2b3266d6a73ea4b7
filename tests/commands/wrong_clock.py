"""A program of test_wrong_clock: what a process does with a correct and a wrong clock, in its own database. Prints what was found, by seconds ahead."""

import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management import CommandError, call_command

from dashboard.background import schedule
from dashboard.models import ScheduledJob
from oauth.database_clock import ClockReading, read_clocks
from oauth.models import RevokedToken, SigningKey, UsedJWT
from tests.factories import create_client, create_signing_key, create_workspace
from tests.faked_clock import set_clock

FILE = Path(os.environ["FAKETIME_TIMESTAMP_FILE"])
JOBS = [getattr(schedule, name) for name in dir(schedule) if name.endswith("_if_due")]


@contextmanager
def ahead(seconds: int) -> Iterator[ClockReading]:
    set_clock(FILE, seconds)
    try:
        yield read_clocks()
    finally:
        set_clock(FILE, 0)


def work(seconds: int) -> dict[str, Any]:
    with ahead(seconds) as clocks:
        for job in JOBS:
            job()
        try:
            with redirect_stdout(io.StringIO()) as printed:
                call_command("prune", json=True)
        except CommandError as error:
            pruned: Any = str(error)
        else:
            pruned = json.loads(printed.getvalue())["used_jwts"]
    return {
        "ahead": round(clocks.ahead.total_seconds()),
        "claimed": ScheduledJob.objects.count(),
        "keys": SigningKey.objects.count(),
        "marks": UsedJWT.objects.count(),
        "revoked": RevokedToken.objects.count(),
        "pruned": pruned,
    }


def announce(command: str, *arguments: str, seconds: int) -> float:
    """When the newest key starts to sign, in seconds from now by a correct clock."""
    with ahead(seconds), redirect_stdout(io.StringIO()):
        call_command(command, *arguments)
    return (SigningKey.objects.order_by("-pk")[0].activates_at - read_clocks().now).total_seconds()


def run() -> dict[str, Any]:
    set_clock(FILE, 0)
    now = read_clocks().now
    client = create_client(create_workspace("wrong-clock")).secret.client
    create_signing_key()
    # Due for its successor by a clock that is an hour ahead only.
    almost = now - timedelta(days=90, minutes=-30)
    SigningKey.objects.update(created_at=almost, activates_at=almost)
    UsedJWT.objects.create(key=1, expires_at=int(now.timestamp()) + 600)
    RevokedToken.objects.create(jti="x", client=client, expires_at=now + timedelta(minutes=10), revoked_at=now)
    found: dict[str, Any] = {str(seconds): work(seconds) for seconds in (3600, 10800, -3600, 55, 0)}
    found["announced"] = [announce("rotate_signing_key", seconds=seconds) for seconds in (3600, -3600)]
    SigningKey.objects.exclude(pk=SigningKey.objects.order_by("-pk")[0].pk).delete()
    found["replaced"] = announce("revoke_signing_key", "--", SigningKey.objects.get().kid, seconds=3600)
    return found


print(json.dumps(run()))  # noqa: T201
