"""A backup is restored with other KEY_ENCRYPTION_KEYS than it was made with: each error names the missing key."""

import json
import re
import secrets
from collections.abc import Callable

import pytest

from tests.servers.conftest import Server
from tests.servers.database import query

GRANT = {"grant_type": "client_credentials"}


def missing_id(server: Server) -> str:
    [[encrypted]] = query(server, "SELECT private_key FROM oauth_signingkey")
    return str(encrypted).partition(":")[0]


def describe(missing: str, present: str) -> str:
    return rf"KEY_ENCRYPTION_KEYS lacks the key with ID {missing}\. It contains, in this order: {present}\."


@pytest.fixture
def restored(make_server: Callable[..., Server]) -> tuple[Server, str]:
    """A server that is not running, whose signing key its environment doesn't open any more, and the old list."""
    server = make_server(start=False)
    old = server.environment["KEY_ENCRYPTION_KEYS"]
    server.environment["KEY_ENCRYPTION_KEYS"] = f"{secrets.token_urlsafe(48)},{secrets.token_urlsafe(48)}"
    return server, old


def test_preparing_and_encrypting_again_name_the_missing_key_and_those_that_are_there(restored: tuple[Server, str]) -> None:
    server, old = restored
    for command in ("prepare", "reencrypt_keys"):
        done = server.run("manage.py", command)
        assert done.returncode == 1
        found = re.search(describe(missing_id(server), r"([0-9a-f]{8}), ([0-9a-f]{8})"), done.stderr)
        assert found, done.stderr
        assert "Traceback" not in done.stderr
        for key in (old, *server.environment["KEY_ENCRYPTION_KEYS"].split(",")):
            assert key not in done.stdout + done.stderr
    # The key at the end of the list comes last in the next message: so an operator finds out which key has which ID.
    present = [found[1], found[2]]
    server.environment["KEY_ENCRYPTION_KEYS"] += "," + secrets.token_urlsafe(48)
    assert re.search(describe(missing_id(server), rf"{present[0]}, {present[1]}, [0-9a-f]{{8}}"), server.run("manage.py", "prepare").stderr)


def test_old_key_at_the_end_of_the_list_mends_it(restored: tuple[Server, str]) -> None:
    server, old = restored
    first = missing_id(server)
    server.environment["KEY_ENCRYPTION_KEYS"] += f",{old}"
    assert server.run("manage.py", "prepare").returncode == 0
    assert server.manage("reencrypt_keys") == {"reencrypted": 1}
    assert missing_id(server) != first
    server.environment["KEY_ENCRYPTION_KEYS"] = server.environment["KEY_ENCRYPTION_KEYS"].split(",")[0]
    assert server.run("manage.py", "prepare").returncode == 0


def test_running_server_says_it_to_the_operator_and_nobody_else_and_a_new_key_needs_no_restart(restored: tuple[Server, str]) -> None:
    server, _ = restored
    sentence = describe(missing_id(server), "[0-9a-f]{8}, [0-9a-f]{8}")
    client = server.manage("create_client", "--workspace", "demo", "--name", "Robot")
    credentials = (client["client_id"], client["client_secret"])
    server.start()
    readyz = server.get("/readyz")
    refused = server.post("/oauth2/token", auth=credentials, data=GRANT)
    assert (readyz.status_code, readyz.json()["checks"]["signing_key"]["problem"]) == (503, "locked")
    # Most of these come from memory.
    for again in [server.get("/readyz") for _ in range(8)]:
        assert (again.status_code, again.headers["Retry-After"], again.headers["Cache-Control"]) == (503, "2", "no-store")
        assert again.json()["checks"]["signing_key"]["problem"] == "locked"
    assert (refused.status_code, refused.json()["error"]) == (503, "temporarily_unavailable")
    assert missing_id(server) not in readyz.text + refused.text
    logged = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    [refusal] = [line for line in logged if line.get("request_id") == refused.headers["X-Request-Id"] and line["logger"] == "tokenos.oauth"]
    assert refusal["message"] == "refused: key_encryption_key_missing"
    assert re.match(sentence, refusal["reason"])
    assert [line for line in logged if line["logger"] == "tokenos.health" and re.match(f"The check signing_key failed: {sentence}", line["message"])]
    # The old key is lost for good: another signing key signs at once.
    assert server.manage("rotate_signing_key", "--now")["state"] == "active"
    assert server.post("/oauth2/token", auth=credentials, data=GRANT).status_code == 200
    assert server.run("manage.py", "prepare").returncode == 0
