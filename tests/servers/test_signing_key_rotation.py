"""The signing key's rotation while tokens are issued and verifiers cache the JWKS for its max-age: none of them meets an unknown key.

The test moves the times of all signing keys back, a step at a time, instead of waiting for minutes.
"""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from tests.ports import free_port
from tests.servers.conftest import Database, Server
from tests.servers.database import query
from tests.servers.load import KeptConnection, Load, every_worker

pytestmark = pytest.mark.slow

STEP = timedelta(seconds=30)
MAX_AGE = timedelta(minutes=5)
ANNOUNCEMENT = timedelta(minutes=6)
CAME_OF_AGE = timedelta(days=91)

# Twenty threads try it at the same moment.
ROTATE_IF_DUE = """
import os, threading
os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"
import django
django.setup()
from concurrent.futures import ThreadPoolExecutor
from django.db import connection
from django.utils import timezone
from oauth.services import rotate_signing_key_if_due
barrier = threading.Barrier(20)
def rotate(_):
    connection.ensure_connection()
    barrier.wait()
    try:
        return rotate_signing_key_if_due(now=timezone.now()) is not None
    finally:
        connection.close()
with ThreadPoolExecutor(20) as pool:
    print(sum(pool.map(rotate, range(20))))
"""


def let_pass(server: Server, time_passed: timedelta) -> None:
    # The newest comes first, so that there is always a key that signs.
    for pk, *times in query(server, "SELECT id, created_at, activates_at, retires_at FROM oauth_signingkey ORDER BY id DESC"):
        moved = [moment and write(read(moment) - time_passed, like=moment) for moment in times]
        query(server, "UPDATE oauth_signingkey SET created_at = %s, activates_at = %s, retires_at = %s WHERE id = %s", *moved, pk)


def read(moment: Any) -> datetime:
    """SQLite keeps text, in UTC."""
    return datetime.fromisoformat(moment).replace(tzinfo=UTC) if isinstance(moment, str) else moment


def write(moment: datetime, *, like: Any) -> Any:
    return moment.replace(tzinfo=None).isoformat(" ") if isinstance(like, str) else moment


def kids(server: Server) -> list[str]:
    """Oldest first."""
    return [kid for [kid] in query(server, "SELECT kid FROM oauth_signingkey ORDER BY id")]


class Verifier:
    """A resource server with PyJWT, whose copy of the JWKS was fetched some steps ago."""

    def __init__(self, server: Server, *, age: timedelta) -> None:
        self.server, self.age = server, age
        self.client = jwt.PyJWKClient(f"{server.url}/.well-known/jwks.json", ssl_context=server.context(), cache_keys=False, lifespan=3600)
        self.client.get_jwk_set()

    def grow_older(self, time_passed: timedelta) -> None:
        self.age += time_passed
        if self.age >= MAX_AGE:
            self.client.get_jwk_set(refresh=True)
            self.age = timedelta(0)

    def verify(self, token: str) -> str:
        """The kid. PyJWKClient itself would fetch the JWKS again for an unknown one; this looks at its copy only."""
        kid = str(jwt.get_unverified_header(token)["kid"])
        [key] = [key for key in self.client.get_jwk_set().keys if key.key_id == kid]
        jwt.decode(token, key, algorithms=[key.algorithm_name], audience=f"{self.server.url}/w/demo", issuer=self.server.url)
        return kid


def automatically(server: Server) -> None:
    """A second node starts, whose workers find the key due; those of the first look once an hour."""
    port = free_port()
    node = replace(server, port=port, environment={**server.environment, "PORT": str(port), "ISSUER_URL": server.url}, process=None)
    before = len(kids(server))
    let_pass(server, CAME_OF_AGE)
    query(server, "UPDATE dashboard_scheduledjob SET next_run_at = %s WHERE name = 'rotate_signing_key'", datetime.now(UTC) - timedelta(minutes=1))
    node.start()
    try:
        last = time.monotonic() + 20
        while len(kids(server)) == before:
            assert time.monotonic() < last
            time.sleep(0.1)
    finally:
        node.stop()
    assert re.search(r"Announced the signing key \S+, which signs from ", server.log.read_text())


def by_hand(server: Server) -> None:
    let_pass(server, timedelta(days=1))
    server.manage("rotate_signing_key")


def to_another_algorithm(server: Server) -> None:
    let_pass(server, timedelta(days=1))
    server.manage("rotate_signing_key", "--algorithm", "EdDSA")


@pytest.mark.parametrize("rotate", [automatically, by_hand, to_another_algorithm])
def test_no_verifier_that_keeps_the_jwks_for_its_max_age_meets_an_unknown_key(four_workers: Server, rotate: Callable[[Server], None]) -> None:
    client = four_workers.manage("create_client", "--workspace", "demo", "--name", "Robot")
    client_id, client_secret = client["client_id"], client["client_secret"]
    seen: list[str] = []

    def get_tokens(connections: list[KeptConnection]) -> list[str]:
        return [connection.get_token(client_id, client_secret).json()["access_token"] for connection in connections]

    with every_worker(four_workers) as connections, Load(four_workers, lambda _: (client_id, client_secret)) as load:
        # The copies have every age: some were fetched just before the new key is announced.
        verifiers = [Verifier(four_workers, age=number * STEP) for number in range(int(MAX_AGE / STEP))]
        checked = 0

        def verify_all() -> None:
            nonlocal checked
            sent, checked = load.sent[checked:], len(load.sent)
            for token in [*get_tokens(connections), *(request.token for request in sent)]:
                [kid] = {verifier.verify(token) for verifier in verifiers}
                if kid not in seen:
                    seen.append(kid)

        verify_all()
        before = kids(four_workers)
        rotate(four_workers)
        [new] = [kid for kid in kids(four_workers) if kid not in before]
        for _ in range(int(ANNOUNCEMENT / STEP) + 4):
            verify_all()
            let_pass(four_workers, STEP)
            for verifier in verifiers:
                verifier.grow_older(STEP)
        verify_all()
        # Every worker signs with the new one now.
        assert {jwt.get_unverified_header(token)["kid"] for token in get_tokens(connections)} == {new}
    assert not load.failed
    assert seen == [before[-1], new]
    assert load.rate >= 20


def test_forty_that_want_to_rotate_at_once_on_two_nodes_make_one_key(make_server: Callable[..., Server], new_database: Callable[[], Database | None]) -> None:
    # The server doesn't run, so that its own workers don't rotate.
    server = make_server(start=False, database=new_database())
    let_pass(server, CAME_OF_AGE)
    with ThreadPoolExecutor(2) as pool:
        nodes = list(pool.map(lambda _: server.run("-c", ROTATE_IF_DUE), range(2)))
    assert sorted(node.stdout for node in nodes) == ["0\n", "1\n"], [node.stderr for node in nodes]
    assert len(kids(server)) == 2
    assert query(server, "SELECT actor FROM clients_auditevent ORDER BY id DESC LIMIT 1") == [("system",)]
