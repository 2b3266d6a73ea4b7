"""The samples of README and docs are taken out of the pages and run, over TLS, against the real server."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests import factories
from tests.certificates import pem, self_signed
from tests.commands.conftest import run_command
from tests.docs.pages import ROOT, block, blocks
from tests.docs.reader import python_of
from tests.servers.conftest import Server

# What the pages use in examples, and what a test puts in its place.
EXAMPLE_URL = "https://localhost:8443"
EXAMPLE_CLIENT_ID = "PluepfPpN6A7bUqt0fdRVn"
EXAMPLE_SECRET_ID = "NU7k1dllJ2"
EXAMPLE_KID = "3JQO7ayoLQiDbbgA8p5T7zPwHxqfhx50MGIdwg9-Dfg"
EXAMPLE_THUMBPRINT = "nJz9kJ7oQnPgRyuIbKBOw1m2W2yE8ZbZ5kYlTq1hB4M"


@pytest.fixture(scope="module")
def client(server: Server) -> dict[str, Any]:
    created: dict[str, Any] = server.manage("create_client", "--workspace", "demo", "--name", "billing-sync", "--scope", "read write")
    return created


@pytest.fixture(scope="module")
def scratch(make_server: Callable[..., Server]) -> Server:
    """For tests that change the keys or the database of a server; each leaves it working."""
    return make_server()


def environment(server: Server, client: dict[str, Any]) -> dict[str, str]:
    """The variables that “Before you try the samples” tells the reader to export."""
    ca = str(server.ca)
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "ISSUER": server.url,
        "CLIENT_ID": client["client_id"],
        "CLIENT_SECRET": client["client_secret"],
        "CURL_CA_BUNDLE": ca,
        "REQUESTS_CA_BUNDLE": ca,
        "NODE_EXTRA_CA_CERTS": ca,
        "SSL_CERT_FILE": ca,
    }


def run(command: list[str], text: str, *, env: dict[str, str], cwd: Path | None = None) -> str:
    done = subprocess.run(command, input=text, env=env, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Server], Path]]:
    """A function that makes a folder that looks like the reader's, in which our commands work on the test's server."""
    with ExitStack() as stack:

        def make(server: Server) -> Path:
            folder = tmp_path_factory.mktemp("checkout")
            (folder / ".venv" / "bin").mkdir(parents=True)
            stack.enter_context(python_of(server, folder / ".venv" / "bin" / "python"))
            (folder / "manage.py").symlink_to(ROOT / "manage.py")
            (folder / "var").symlink_to(server.data_dir)
            return folder

        yield make


def run_shell(server: Server, folder: Path, script: str, **replaced: str) -> str:
    for old, new in {EXAMPLE_URL: server.url, **replaced}.items():
        script = script.replace(old, new)
    return run(["bash", "-euo", "pipefail"], script, env=server.environment, cwd=folder)


def test_readme_gets_a_token_and_uses_it(server: Server, checkout: Callable[[Server], Path]) -> None:
    folder = checkout(server)
    first, own = [example.text for example in blocks("README.md", "sh") if example.section == "A first token in two minutes"]
    assert json.loads(run_shell(server, folder, first))["token_type"] == "Bearer"
    assert "it can't be shown again" in run_shell(server, folder, own)
    assert json.loads(run_shell(server, folder, block("README.md", "sh", "Use it, check it")))["workspace"] == "demo"


def test_readme_rotates_disables_and_enables(server: Server, checkout: Callable[[Server], Path], client: dict[str, Any]) -> None:
    done = run_shell(server, checkout(server), block("README.md", "sh", "Rotate and revoke"), **{EXAMPLE_CLIENT_ID: client["client_id"]})
    assert "enabled" in done.splitlines()[-1]


def test_quickstart_from_token_to_its_end(server: Server, checkout: Callable[[Server], Path]) -> None:
    skipped = ("Quickstart", "1. Start it")
    steps = [example.text for example in blocks("docs/quickstart.md", "sh") if example.section not in skipped]
    done = run_shell(server, checkout(server), "\n".join(steps))
    assert f"'aud': '{server.url}/w/demo'" in done
    assert '"scopes":["read","write"]' in done
    assert done.rstrip().endswith("}")
    assert '"error":"invalid_token"' in done.splitlines()[-1]


@pytest.mark.parametrize("number", [0, 1], ids=["basic", "body"])
def test_curl_gets_a_token(server: Server, client: dict[str, Any], number: int) -> None:
    sample = [example.text for example in blocks("docs/authentication.md", "sh") if example.section == "curl"][number]
    answer = json.loads(run(["bash", "-euo", "pipefail"], sample, env=environment(server, client)))
    assert answer["scope"] == "read"


def test_curl_sends_a_secret_as_api_key(server: Server, client: dict[str, Any]) -> None:
    sample = block("docs/authentication.md", "sh", "The secret as an API key")
    assert json.loads(run(["bash", "-euo", "pipefail"], sample, env=environment(server, client)))["auth_method"] == "api_key"


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_python_gets_a_token_and_uses_it(server: Server, client: dict[str, Any], method: str) -> None:
    sample = block("docs/authentication.md", "python", "Python").replace('method="client_secret_basic"', f'method="{method}"')
    assert f'method="{method}"' in sample
    assert "'scopes': ['read']" in run([sys.executable, "-"], sample, env=environment(server, client))


@pytest.mark.parametrize("method", ["ClientSecretBasic", "ClientSecretPost"])
def test_javascript_gets_a_token_and_uses_it(server: Server, client: dict[str, Any], javascript: Path, tmp_path: Path, method: str) -> None:
    sample = block("docs/authentication.md", "javascript", "JavaScript").replace("oauth.ClientSecretBasic(", f"oauth.{method}(")
    assert f"oauth.{method}(" in sample
    (tmp_path / "token.mjs").write_text(sample)
    (tmp_path / "node_modules").symlink_to(javascript / "node_modules")
    assert "scopes: [ 'read' ]" in run(["node", "token.mjs"], "", env=environment(server, client), cwd=tmp_path)


def fetch_token(server: Server, client: dict[str, Any], **form: str) -> str:
    answer = server.post("/oauth2/token", auth=(client["client_id"], client["client_secret"]), data={"grant_type": "client_credentials", **form})
    return str(answer.json()["access_token"])


def test_curl_introspects_and_revokes(server: Server, client: dict[str, Any]) -> None:
    script = (
        block("docs/tokens.md", "sh", "Whoami")
        + "echo\n"
        + [example.text for example in blocks("docs/tokens.md", "sh") if example.section == "Introspection"][1]
        + "echo\n"
        + block("docs/tokens.md", "sh", "Revocation")
        + "echo\n"
        + [example.text for example in blocks("docs/tokens.md", "sh") if example.section == "Introspection"][1]
    )
    assert script.count("resource=https://api.example.com") == 2
    script = script.replace("resource=https://api.example.com", f"resource={server.url}/w/demo")
    env = {**environment(server, client), "TOKEN": fetch_token(server, client), "API_ID": client["client_id"], "API_SECRET": client["client_secret"]}
    me, before, revoked, after = (json.loads(line) for line in run(["bash", "-euo", "pipefail"], script, env=env).splitlines())
    assert me["client_id"] == before["client_id"] == client["client_id"]
    assert (before["active"], revoked, after) == (True, {}, {"active": False})


def test_curl_shows_the_request_id(server: Server, client: dict[str, Any]) -> None:
    sample = block("docs/errors.md", "sh", "Find the reason")
    assert run(["bash", "-euo", "pipefail"], sample, env=environment(server, client)).lower().startswith("x-request-id: ")


def signing_kid(server: Server) -> str:
    return str(server.get("/.well-known/jwks.json").json()["keys"][0]["kid"])


def test_rotation_from_top_to_bottom(scratch: Server, checkout: Callable[[Server], Path]) -> None:
    client = scratch.manage("create_client", "--workspace", "demo", "--name", "billing-sync", "--scope", "read")
    kid = signing_kid(scratch)
    folder = checkout(scratch)
    (folder / ".env").write_text("KEY_ENCRYPTION_KEYS=old\n")
    script = "\n".join(example.text for example in blocks("docs/rotation.md", "sh"))
    replaced = {EXAMPLE_CLIENT_ID: client["client_id"], EXAMPLE_SECRET_ID: client["secret_id"], EXAMPLE_KID: kid}
    run_shell(scratch, folder, script, **replaced)
    new, _, old = (folder / ".env").read_text().strip().removeprefix("KEY_ENCRYPTION_KEYS=").partition(",")
    assert len(new) == 64
    assert old == "old"
    assert scratch.post("/oauth2/token", auth=(client["client_id"], client["client_secret"]), data={"grant_type": "client_credentials"}).status_code == 401
    assert signing_kid(scratch) != kid


def test_backup_and_restore(scratch: Server, checkout: Callable[[Server], Path]) -> None:
    client = scratch.manage("create_client", "--workspace", "demo", "--name", "billing-sync", "--scope", "read")
    folder = checkout(scratch)
    backup, _dump, restore, _ = [example.text for example in blocks("docs/operations.md", "sh") if example.section == "Backup and restore"]
    run_shell(scratch, folder, backup, **{"~/": ""})
    later = scratch.manage("create_client", "--workspace", "demo", "--name", "later", "--scope", "read")
    assert fetch_token(scratch, later)
    scratch.stop()
    run_shell(scratch, folder, restore, **{"~/": ""})
    scratch.start()
    assert fetch_token(scratch, client)
    assert scratch.post("/oauth2/token", auth=(later["client_id"], later["client_secret"]), data={"grant_type": "client_credentials"}).status_code == 401


NOTE_WORDS = """#!/bin/bash
printf '%s\\0' "$@" >words
"""


@pytest.mark.django_db
def test_every_command_of_the_reference_runs(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And prints the names that the page shows, with --json. A shell makes words of each line, and this process runs them as a command."""
    monkeypatch.chdir(tmp_path)
    settings.DATA_DIR, settings.EMAIL_BACKEND = tmp_path, "dashboard.instance.mail.files.Backend"
    program = tmp_path / ".venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text(NOTE_WORDS)
    program.chmod(0o755)
    examples = blocks("docs/commands.md")
    holder = self_signed()
    Path("billing.pem").write_text(pem(holder.certificate))
    Path("billing.pub.pem").write_bytes(holder.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    factories.create_signing_key()
    factories.create_user("owner@example.com", is_instance_admin=True)
    factories.create_workspace("demo")
    kid = run_command("rotate_signing_key", "--now", "--json").json["kid"]
    replaced = {EXAMPLE_KID: kid}
    (preamble,) = [example.text for example in examples if example.section == "Commands"]
    for command in [example.section for example in examples if example.language == "json" and example.section != "prepare"]:
        script = preamble + block("docs/commands.md", "sh", command)
        for old, new in replaced.items():
            script = script.replace(old, new)
        run(["bash", "-euo", "pipefail"], script, env={"PATH": os.environ["PATH"]}, cwd=tmp_path)
        manage, *words = Path("words").read_text().split("\0")[:-1]
        assert manage == "manage.py"
        printed = run_command(*words).json
        # The client of all examples has a secret, so it is warned of the key and the certificate.
        printed.pop("warnings", None)
        assert list(printed) == list(json.loads(block("docs/commands.md", "json", command))), command
        if command == "create_client":
            replaced |= {EXAMPLE_CLIENT_ID: printed["client_id"], EXAMPLE_SECRET_ID: printed["secret_id"]}
        elif command == "add_certificate":
            replaced |= {EXAMPLE_THUMBPRINT: printed["certificates"][0]["x5t#S256"]}
        elif command == "add_public_key":
            replaced |= {EXAMPLE_KID: printed["kid"]}
        elif command == "revoke_public_key":
            replaced |= {EXAMPLE_KID: kid}
