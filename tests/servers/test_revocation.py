"""A token is refused by every worker at the next request after it, its secret, its client or the signing key is revoked or disabled."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jwt
import pytest

from tests.servers.conftest import Server
from tests.servers.load import KeptConnection, basic, bearer, every_worker


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


@pytest.mark.parametrize("end", [revoke_token, revoke_secret, disable_client, revoke_signing_key])
def test_token_no_longer_works_in_every_worker_at_the_next_request(scene: Scene, end: Callable[[Scene], None]) -> None:
    # Twice, so that a worker could have cached the token.
    assert scene.is_alive() == ALIVE
    assert scene.is_alive() == ALIVE
    end(scene)
    assert scene.is_alive() == DEAD


def test_token_of_a_client_that_is_enabled_again_is_alive_in_every_worker(scene: Scene) -> None:
    disable_client(scene)
    assert scene.is_alive() == DEAD
    scene.server.manage("enable_client", scene.client["client_id"])
    assert scene.is_alive() == ALIVE


def test_token_outlives_the_rotation_of_its_secret(scene: Scene) -> None:
    scene.server.manage("rotate_secret", scene.client["client_id"], "--overlap", "0")
    assert scene.is_alive() == ALIVE


def test_other_token_of_the_client_keeps_working(scene: Scene) -> None:
    other = scene.connections[0].get_token(scene.client["client_id"], scene.client["client_secret"]).json()["access_token"]
    revoke_token(scene)
    scene.token = other
    assert scene.is_alive() == ALIVE
