"""After kill -9 under load, acknowledged changes are kept, each change has its audit event, and at most one flush interval of usage is lost."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any

import pytest

from dashboard.background.schedule import FLUSH_SECONDS
from oauth import own_revocations
from tests.servers.conftest import BROKEN, ROOT, Database, Server
from tests.servers.database import query
from tests.servers.load import KeptConnection, Load, basic
from tests.servers.stores import children

pytestmark = pytest.mark.slow

# The time that flushing itself may take on a busy machine.
FLUSHING = 0.7


@dataclass
class Revoking:
    """A thread that revokes every fifth token of the load, over HTTP."""

    server: Server
    client: dict[str, Any]
    load: Load
    acknowledged: list[str] = field(default_factory=list)
    spared: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        connection: KeptConnection | None = None
        done = 0
        while not self.ended.wait(0.02):
            for sent in self.load.sent[done:]:
                done += 1
                if sent.status != 200:
                    continue
                if done % 5:
                    self.spared.append(sent.token)
                    continue
                try:
                    connection = connection or KeptConnection(self.server)
                    headers = basic(self.client["client_id"], self.client["client_secret"])
                    if connection.ask("POST", "/oauth2/revoke", form={"token": sent.token}, headers=headers).status == 200:
                        self.acknowledged.append(sent.token)
                except BROKEN:
                    if connection is not None:
                        connection.close()
                    connection = None
        if connection is not None:
            connection.close()


def start_again(server: Server) -> None:
    """As a supervisor does it: until the port is free, for the workers of a killed master end within a second or two."""
    last = time.monotonic() + 20
    while True:
        try:
            server.start()
        except AssertionError:
            assert time.monotonic() < last, server.log.read_text()[-2000:]
            time.sleep(0.2)
        else:
            return


def read_lines(stream: IO[str] | None, lines: list[str]) -> None:
    for line in stream or ():
        lines.append(line)  # noqa: PERF402  # another thread reads them meanwhile


def wait_until(is_so: Callable[[], bool], seconds: float = 60) -> None:
    last = time.monotonic() + seconds
    while not is_so() and time.monotonic() < last:
        time.sleep(0.05)


@dataclass
class Crashed:
    """What was acknowledged before and between two crashes. crashes: the moments, in seconds since the epoch."""

    server: Server
    client: dict[str, Any]
    load: Load
    revoking: Revoking
    changes: list[dict[str, Any]]
    crashes: list[float]


@pytest.fixture(scope="module")
def crashed(make_server: Callable[..., Server], new_database: Callable[[], Database | None]) -> Crashed:
    # Every revoked secret is tried in the end, so failures must not be limited. Hashing is cheap, so that there are many changes.
    limits = {"FAILURES_PER_CLIENT": "100000", "FAILURES_PER_ADDRESS": "100000"}
    server = make_server(database=new_database(), ARGON2_MEMORY_COST="7168", ARGON2_TIME_COST="1", **limits)
    assert server.process is not None
    client = server.manage("create_client", "--workspace", "demo", "--name", "Robot", "--audience", f"{server.url}/w/demo")
    command = [sys.executable, "-m", "tests.servers.churn", client["client_id"]]
    crashes = []
    with (
        subprocess.Popen(command, cwd=ROOT, env=server.environment, stdout=subprocess.PIPE, text=True) as churn,
        Load(server, lambda _: (client["client_id"], client["client_secret"]), rate=60) as load,
    ):
        printed: list[str] = []
        reading = threading.Thread(target=read_lines, args=(churn.stdout, printed), daemon=True)
        reading.start()
        revoking = Revoking(server, client, load)
        thread = threading.Thread(target=revoking.run, daemon=True)
        thread.start()
        wait_until(lambda: bool(printed))
        load.wait(FLUSH_SECONDS + 1.2)
        os.kill(children(server.process.pid)[0], signal.SIGKILL)
        crashes.append(time.time())
        load.wait(FLUSH_SECONDS + 1.2)
        # A busy machine takes longer.
        wait_until(lambda: len(printed) > 20 and len(revoking.acknowledged) > 20)
        workers = children(server.process.pid)
        for pid in (server.process.pid, churn.pid, *workers):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        crashes.append(time.time())
        server.process.wait()
        reading.join(10)
        changes = [json.loads(line) for line in printed if line.endswith("\n")]
        start_again(server)
        load.wait(0.5)
        revoking.ended.set()
        thread.join(10)
    # Stopping the server writes the buffered usage.
    server.restart()
    return Crashed(server, client, load, revoking, changes, crashes)


def test_the_crash_was_one(crashed: Crashed) -> None:
    """Else the tests below would show nothing."""
    assert len(crashed.changes) >= 20
    assert len(crashed.revoking.acknowledged) >= 20
    assert [sent for sent in crashed.load.sent if sent.status == 0]
    assert [sent for sent in crashed.load.sent if sent.status == 200 and sent.began > crashed.crashes[1]]
    # A dead worker breaks its own requests, but other callers don't get an error.
    assert {sent.status for sent in crashed.load.sent} == {0, 200}


def test_every_acknowledged_secret_works_and_every_acknowledged_revocation_holds(crashed: Crashed) -> None:
    revoked = {change["secret_id"] for change in crashed.changes if "revoked_at" in change}
    created = {change["secret_id"]: change["client_secret"] for change in crashed.changes if "client_secret" in change}
    # The change under way is unknown: it may have been made without being acknowledged.
    unknown = {row[0] for row in query(crashed.server, "SELECT secret_id FROM clients_clientsecret WHERE revoked_at IS NOT NULL")} - revoked
    assert len(unknown) <= 1
    connection = KeptConnection(crashed.server)
    answers = {
        secret_id: connection.get_token(crashed.client["client_id"], plaintext).status for secret_id, plaintext in created.items() if secret_id not in unknown
    }
    connection.close()
    assert answers == {secret_id: 401 if secret_id in revoked else 200 for secret_id in answers}
    assert Counter(answers.values())[200] >= 5


def test_every_acknowledged_revocation_of_a_token_holds_and_no_other_token_no_longer_works(crashed: Crashed) -> None:
    connection = KeptConnection(crashed.server)
    assert not [token for token in crashed.revoking.acknowledged if connection.introspect(token, client=crashed.client)]
    assert all(connection.introspect(token, client=crashed.client) for token in crashed.revoking.spared[::5])
    connection.close()


def test_every_change_has_its_audit_event_and_every_event_its_change(crashed: Crashed) -> None:
    def events(*names: str) -> Counter[str]:
        rows = query(crashed.server, f"SELECT target_id FROM clients_auditevent WHERE event IN ({', '.join(['%s'] * len(names))})", *names)
        return Counter(row[0] for row in rows)

    def rows(sql: str) -> Counter[str]:
        return Counter(row[0] for row in query(crashed.server, sql))

    assert events("secret.created", "secret.rotated") == rows("SELECT secret_id FROM clients_clientsecret")
    assert events("secret.revoked") == rows("SELECT secret_id FROM clients_clientsecret WHERE revoked_at IS NOT NULL")
    # Not all of these are stored, but each is counted.
    listed, revoked = events("token.revoked"), rows("SELECT jti FROM oauth_revokedtoken")
    counts = [row[0] for row in query(crashed.server, "SELECT failures FROM oauth_failurecount WHERE key LIKE %s", "own revocations %")]
    assert listed <= revoked
    assert sum(counts) == revoked.total()
    assert listed.total() == sum(min(count, own_revocations.MAX) for count in counts)
    assert events("client.created") == rows("SELECT client_id FROM clients_client")
    assert {change["secret_id"] for change in crashed.changes} <= set(events("secret.created", "secret.rotated"))


def test_usage_loses_at_most_what_came_since_the_last_flush(crashed: Crashed) -> None:
    # The tests above use other secrets of the client, and other endpoints.
    sql = "SELECT SUM(count) FROM clients_usagebucket WHERE credential = %s AND endpoint = 'token' AND outcome = 'granted'"
    counted = int(query(crashed.server, sql, crashed.client["secret_id"])[0][0])
    granted = [sent for sent in crashed.load.sent if sent.status == 200]
    at_risk = [sent for sent in granted if any(0 <= crash - sent.ended <= FLUSH_SECONDS + FLUSHING for crash in crashed.crashes)]
    assert len(granted) > len(at_risk)
    assert len(granted) - len(at_risk) <= counted <= len(crashed.load.sent)


def test_sqlite_file_is_whole(crashed: Crashed) -> None:
    if not crashed.server.environment["DATABASE_URL"]:
        assert query(crashed.server, "PRAGMA integrity_check") == [("ok",)]
        assert query(crashed.server, "PRAGMA foreign_key_check") == []
