"""What all workers of a server must know at once, on each database: rotation, revocation and disabling while tokens are issued, and failed authentications.

Valid credentials and tokens are never refused, and invalid ones are refused by every worker at the next request.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jwt
import pytest

from tests.servers.conftest import Answer, Server
from tests.servers.database import query
from tests.servers.load import KeptConnection, Load, basic, bearer, every_worker

# This long before the end of an overlap, the old secret isn't sent any more, so that a slow request doesn't look like a failure.
MARGIN = 0.4


# For rules of which others here show that each database has its part: on PostgreSQL only with the slow tests, or not at all.
soon_on_one_database = pytest.mark.parametrize("new_database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True)
on_one_database = pytest.mark.parametrize("new_database", ["sqlite"], indirect=True)


def create_client(server: Server) -> dict[str, Any]:
    client: dict[str, Any] = server.manage("create_client", "--workspace", "demo", "--name", "Robot", "--scope", "read")
    return client


def statuses(connections: list[KeptConnection], client_id: str, client_secret: str) -> list[int]:
    """What each worker answers, all asked the same."""
    return [connection.get_token(client_id, client_secret).status for connection in connections]


def wait_until(moment: float) -> None:
    time.sleep(max(moment - time.time(), 0))


@soon_on_one_database
def test_rotation_with_overlap_fails_no_request_and_ends_the_old_secret_in_every_worker(four_workers: Server) -> None:
    client = create_client(four_workers)
    client_id, old = client["client_id"], client["client_secret"]
    usable = (old,)
    with every_worker(four_workers) as connections, Load(four_workers, lambda load: (client_id, usable[len(load.sent) % len(usable)])) as load:
        load.wait(0.5)
        rotated = four_workers.manage("rotate_secret", client_id, "--overlap", "2s")
        new = rotated["client_secret"]
        usable = (old, new)
        end = datetime.fromisoformat(rotated["previous"][0]["expires_at"]).timestamp()
        assert statuses(connections, client_id, new) == [200] * 4
        assert statuses(connections, client_id, old) == [200] * 4
        wait_until(end - MARGIN)
        usable = (new,)
        wait_until(end)
        assert statuses(connections, client_id, old) == [401] * 4
        assert statuses(connections, client_id, new) == [200] * 4
    assert not load.failed
    assert {sent.client_secret for sent in load.sent} == {old, new}
    assert load.rate >= 20


@soon_on_one_database
def test_rotation_without_overlap_ends_the_old_secret_at_once_in_every_worker(four_workers: Server) -> None:
    client = create_client(four_workers)
    client_id, old = client["client_id"], client["client_secret"]
    usable = old
    # Between the change and the command's answer, the old secret fails, as it must; but not so often that the address is throttled.
    with every_worker(four_workers) as connections, Load(four_workers, lambda load: None if usable == old and load.failed else (client_id, usable)) as load:
        load.wait(0.5)
        begun = time.time()
        usable = four_workers.manage("rotate_secret", client_id, "--overlap", "0")["client_secret"]
        assert statuses(connections, client_id, old) == [401] * 4
        assert statuses(connections, client_id, usable) == [200] * 4
        load.wait(0.5)
    assert {sent.client_secret for sent in load.sent if sent.status == 200} == {old, usable}
    assert not [sent for sent in load.failed if sent.client_secret == usable or sent.ended < begun]


def test_revoked_secret_fails_at_once_in_every_worker_and_the_others_never(four_workers: Server) -> None:
    client = create_client(four_workers)
    client_id, stolen = client["client_id"], client["client_secret"]
    other = four_workers.manage("create_secret", client_id)["client_secret"]
    with every_worker(four_workers) as connections, Load(four_workers, lambda _: (client_id, other)) as load:
        assert statuses(connections, client_id, stolen) == [200] * 4
        four_workers.manage("revoke_secret", client_id, client["secret_id"])
        assert statuses(connections, client_id, stolen) == [401] * 4
        load.wait(0.5)
    assert not load.failed
    assert load.rate >= 20


@on_one_database
def test_disabled_client_fails_at_once_in_every_worker_and_works_again_once_enabled(four_workers: Server) -> None:
    client, other = create_client(four_workers), create_client(four_workers)
    credentials = client["client_id"], client["client_secret"]
    with every_worker(four_workers) as connections, Load(four_workers, lambda _: (other["client_id"], other["client_secret"])) as load:
        assert statuses(connections, *credentials) == [200] * 4
        four_workers.manage("disable_client", client["client_id"])
        assert statuses(connections, *credentials) == [401] * 4
        four_workers.manage("enable_client", client["client_id"])
        assert statuses(connections, *credentials) == [200] * 4
    assert not load.failed
    assert load.rate >= 20


class CachingVerifier:
    """A resource server that fetches the JWKS only when its cached copy is as old as Cache-Control allows, which the test says."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.refresh()

    def refresh(self) -> None:
        self.keys = jwt.PyJWKSet.from_dict(self.server.get("/.well-known/jwks.json").json())

    def verify(self, token: str) -> str:
        """The kid of the key that signed it."""
        kid = str(jwt.get_unverified_header(token)["kid"])
        key = self.keys[kid]
        jwt.decode(token, key, algorithms=[key.algorithm_name], audience=f"{self.server.url}/w/demo", issuer=self.server.url)
        return kid


def kids(connections: list[KeptConnection], client: dict[str, Any], verifier: CachingVerifier) -> list[str]:
    """The key with which each worker signs."""
    return [verifier.verify(connection.get_token(client["client_id"], client["client_secret"]).json()["access_token"]) for connection in connections]


@soon_on_one_database
def test_announced_rotation_of_the_signing_key_fails_no_verifier_that_caches_the_jwks(four_workers: Server) -> None:
    client = create_client(four_workers)
    verifier = CachingVerifier(four_workers)
    with every_worker(four_workers) as connections, Load(four_workers, lambda _: (client["client_id"], client["client_secret"])) as load:
        old = kids(connections, client, verifier)
        rotated = four_workers.manage("rotate_signing_key")
        assert rotated["state"] == "pending"
        # The verifier has fetched the JWKS just before the announcement, so it doesn't know the new key for minutes.
        assert kids(connections, client, verifier) == old
        load.wait(0.3)
        announced = list(load.sent)
        assert {verifier.verify(sent.token) for sent in announced} == set(old)
        # Time passes: first the copy is too old, then the new key's moment comes.
        verifier.refresh()
        query(four_workers, "UPDATE oauth_signingkey SET activates_at = created_at WHERE kid = %s", rotated["kid"])
        query(
            four_workers,
            "UPDATE oauth_signingkey SET retires_at = (SELECT created_at FROM oauth_signingkey WHERE kid = %s) WHERE kid = %s",
            rotated["kid"],
            old[0],
        )
        assert kids(connections, client, verifier) == [rotated["kid"]] * 4
        load.wait(0.3)
    assert not load.failed
    assert {verifier.verify(sent.token) for sent in load.sent} == {old[0], rotated["kid"]}
    assert load.rate >= 20


@on_one_database
def test_immediate_rotation_of_the_signing_key_counts_at_once_in_every_worker_and_leaves_old_tokens_good(four_workers: Server) -> None:
    client = create_client(four_workers)
    verifier = CachingVerifier(four_workers)
    with every_worker(four_workers) as connections, Load(four_workers, lambda _: (client["client_id"], client["client_secret"])) as load:
        load.wait(0.3)
        old = kids(connections, client, verifier)
        rotated = four_workers.manage("rotate_signing_key", "--now", "--algorithm", "EdDSA")
        verifier.refresh()
        assert kids(connections, client, verifier) == [rotated["kid"]] * 4
        load.wait(0.3)
    assert not load.failed
    assert {verifier.verify(sent.token) for sent in load.sent} == {old[0], rotated["kid"]}
    assert load.rate >= 20


@soon_on_one_database
def test_revoked_signing_key_is_gone_at_once_in_every_worker_while_tokens_flow(four_workers: Server) -> None:
    client = create_client(four_workers)
    verifier = CachingVerifier(four_workers)
    with every_worker(four_workers) as connections, Load(four_workers, lambda _: (client["client_id"], client["client_secret"])) as load:
        stolen = kids(connections, client, verifier)[0]
        four_workers.manage("revoke_signing_key", stolen)
        revoked_at = time.time()
        for connection in connections:
            published = connection.ask("GET", "/.well-known/jwks.json").json()["keys"]
            assert stolen not in [key["kid"] for key in published]
        verifier.refresh()
        assert stolen not in kids(connections, client, verifier)
        load.wait(0.3)
    assert not load.failed
    assert stolen not in {verifier.verify(sent.token) for sent in load.sent if sent.began > revoked_at}


@dataclass
class Scene:
    """client: it got the token. resource_server: another client of the workspace, for whose audience the token is meant."""

    server: Server
    client: dict[str, Any]
    resource_server: dict[str, Any]
    connections: list[KeptConnection]
    token: str

    def is_alive(self) -> list[dict[str, bool]]:
        """What each worker says of the token, at its next request each."""
        return [
            {
                "introspection": connection.introspect(self.token, client=self.resource_server),
                "whoami": connection.ask("GET", "/api/v1/whoami", headers=bearer(self.token)).status == 200,
                "verify": connection.ask("GET", "/gateway/demo/verify", headers=bearer(self.token)).status == 200,
            }
            for connection in self.connections
        ]


ALIVE = [{"introspection": True, "whoami": True, "verify": True}] * 4
DEAD = [{"introspection": False, "whoami": False, "verify": False}] * 4


@pytest.fixture(scope="module")
def resource_server(four_workers: Server) -> dict[str, Any]:
    created: dict[str, Any] = four_workers.manage(
        "create_client", "--workspace", "demo", "--name", "Resource server", "--audience", f"{four_workers.url}/w/demo"
    )
    return created


@pytest.fixture
def scene(four_workers: Server, resource_server: dict[str, Any]) -> Iterator[Scene]:
    client = four_workers.manage("create_client", "--workspace", "demo", "--name", "Robot", "--scope", "read")
    with every_worker(four_workers) as connections:
        token = connections[0].get_token(client["client_id"], client["client_secret"]).json()["access_token"]
        yield Scene(four_workers, client, resource_server, connections, token)


def revoke_token(scene: Scene) -> None:
    answer = scene.connections[-1].ask(
        "POST", "/oauth2/revoke", form={"token": scene.token}, headers=basic(scene.client["client_id"], scene.client["client_secret"])
    )
    assert answer.status == 200


def revoke_secret(scene: Scene) -> None:
    scene.server.manage("revoke_secret", scene.client["client_id"], scene.client["secret_id"])


def disable_client(scene: Scene) -> None:
    scene.server.manage("disable_client", scene.client["client_id"])


def revoke_signing_key(scene: Scene) -> None:
    scene.server.manage("revoke_signing_key", jwt.get_unverified_header(scene.token)["kid"])


def assert_ends_by(scene: Scene, end: Callable[[Scene], None]) -> None:
    # Twice, so that a worker could have cached the token.
    assert scene.is_alive() == ALIVE
    assert scene.is_alive() == ALIVE
    end(scene)
    assert scene.is_alive() == DEAD


def test_revoked_token_no_longer_works_in_every_worker_at_the_next_request(scene: Scene) -> None:
    assert_ends_by(scene, revoke_token)


@soon_on_one_database
@pytest.mark.parametrize("end", [revoke_secret, disable_client, revoke_signing_key])
def test_nor_does_one_whose_secret_client_or_signing_key_has_ended(scene: Scene, end: Callable[[Scene], None]) -> None:
    assert_ends_by(scene, end)


@on_one_database
def test_token_of_a_client_that_is_enabled_again_is_alive_in_every_worker(scene: Scene) -> None:
    disable_client(scene)
    assert scene.is_alive() == DEAD
    scene.server.manage("enable_client", scene.client["client_id"])
    assert scene.is_alive() == ALIVE


@on_one_database
def test_token_outlives_the_rotation_of_its_secret(scene: Scene) -> None:
    scene.server.manage("rotate_secret", scene.client["client_id"], "--overlap", "0")
    assert scene.is_alive() == ALIVE


@on_one_database
def test_other_token_of_the_client_keeps_working(scene: Scene) -> None:
    other = scene.connections[0].get_token(scene.client["client_id"], scene.client["client_secret"]).json()["access_token"]
    revoke_token(scene)
    scene.token = other
    assert scene.is_alive() == ALIVE


LIMIT = 20


def test_concurrent_wrong_attempts_over_four_workers_get_no_more_than_the_limit(four_workers: Server) -> None:
    client = four_workers.manage("create_client", "--workspace", "demo", "--name", "Robot")
    wrong = four_workers.manage("create_client", "--workspace", "demo", "--name", "Other")["client_secret"]
    answers: list[Answer] = []
    together = threading.Barrier(8)

    def guess(connection: KeptConnection) -> None:
        together.wait(10)
        for _ in range(8):
            answers.append(connection.get_token(client["client_id"], wrong))  # noqa: PERF401  # the others append between

    with every_worker(four_workers) as connections, every_worker(four_workers) as more:
        threads = [threading.Thread(target=guess, args=[connection]) for connection in (*connections, *more)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        right = [connection.get_token(client["client_id"], client["client_secret"]).status for connection in connections]
    assert len(answers) == 64
    refused = [answer for answer in answers if answer.status == 401]
    throttled = [answer for answer in answers if answer.status == 429]
    assert len(refused) == LIMIT
    assert len(throttled) == 64 - LIMIT
    assert all(1 <= int(answer.headers["retry-after"]) <= 300 and answer.json()["error"] == "invalid_client" for answer in throttled)
    # Every worker refuses this client from this address; every other client goes on.
    assert right == [429] * 4
    other = four_workers.manage("create_client", "--workspace", "demo", "--name", "Bystander")
    assert four_workers.post("/oauth2/token", auth=(other["client_id"], other["client_secret"]), data={"grant_type": "client_credentials"}).status_code == 200
