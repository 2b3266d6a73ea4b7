"""Runs the dashboard's examples unchanged, over TLS, with the real server. Those in Go are in test_go_snippets."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from html import unescape
from itertools import product
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.template.loader import render_to_string

from dashboard.frame.snippets import curl, javascript, python
from dashboard.frame.snippets.token_request import ASSERTION, CERTIFICATE, POST, SECRET, TokenRequest
from tests.certificates import self_signed
from tests.servers.conftest import Server

ODD_SCOPE = "it's$HOME`id`:<&+>"
_ADD_SCOPE = f"""
from clients.models import Scope, Workspace
Scope.objects.get_or_create(workspace=Workspace.objects.get(slug="demo"), name={ODD_SCOPE!r})
"""
KEYS: dict[str, Any] = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ES512": lambda: ec.generate_private_key(ec.SECP521R1()),
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "PS256": lambda: rsa.generate_private_key(65537, 2048),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


def run(language: str, request: TokenRequest, folder: Path, *, secret: str = "") -> str:
    """What it prints, and then the access token, by Python and JavaScript, whose examples keep it in a variable."""
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "TOKENOS_CLIENT_ID": request.client_id, "TOKENOS_CLIENT_SECRET": secret}
    if language == "curl":
        command = ["bash", "-euo", "pipefail", "-c", curl.write(request)]
    elif language == "python":
        command = [sys.executable, "-c", python.write(request) + "\nprint(token)\n"]
    else:
        (folder / "token.mjs").write_text(javascript.write(request) + "\nconsole.log(access_token);\n")
        command = ["node", "token.mjs"]
        env["NODE_EXTRA_CA_CERTS"] = request.ca
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def request_of(server: Server, made: dict[str, Any], kind: str, **fields: Any) -> TokenRequest:
    return TokenRequest(made["client_id"], kind, scope=made["scope"], issuer=server.url, ca=str(server.ca), **fields)


def make(server: Server, *arguments: str) -> dict[str, Any]:
    made: dict[str, Any] = server.manage("create_client", "--workspace", "demo", "--name", "sample", *arguments)
    return made


def write_key(algorithm: str, folder: Path) -> Any:
    key = KEYS[algorithm]()
    (folder / "private.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "public.pem").write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return key


@pytest.fixture(scope="module")
def robot(server: Server) -> dict[str, Any]:
    return make(server, "--scope", "read write")


@pytest.fixture(scope="module")
def by_key(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, dict[str, Any]]]:
    """A function that returns a folder with a key for an algorithm, and its client."""

    @cache
    def find(algorithm: str) -> tuple[Path, dict[str, Any]]:
        folder = tmp_path_factory.mktemp("key")
        write_key(algorithm, folder)
        return folder, make(server, "--scope", "read", "--auth-method", "private_key_jwt", "--public-key", str(folder / "public.pem"))

    return find


@pytest.mark.parametrize(("language", "kind"), [("curl", SECRET), ("curl", POST), ("python", POST), ("javascript", POST)])
def test_a_secret_gets_a_token(server: Server, robot: dict[str, Any], tmp_path: Path, language: str, kind: str) -> None:
    assert "eyJ" in run(language, request_of(server, robot, kind), tmp_path, secret=robot["client_secret"])


def test_the_line_that_holds_the_secret_needs_nothing_else(server: Server, robot: dict[str, Any], tmp_path: Path) -> None:
    printed = run("curl", request_of(server, robot, SECRET, secret=robot["client_secret"]), tmp_path)
    assert json.loads(printed)["scope"] == "read write"


@pytest.mark.parametrize("language", ["python", "javascript"])
@pytest.mark.parametrize("scope", ["read write", ""])
def test_an_example_says_in_one_line_that_it_worked_without_the_token(server: Server, tmp_path: Path, language: str, scope: str) -> None:
    made = make(server, *(["--scope", scope] if scope else []))
    request = replace(request_of(server, made, SECRET), scope=scope)
    said, token = run(language, request, tmp_path, secret=made["client_secret"]).splitlines()
    assert said == f"Bearer token for 3600 s{', scope read write' if scope else ''}"
    assert token.startswith("eyJ")


@pytest.mark.parametrize("language", ["curl", "python", "javascript"])
def test_an_odd_scope_arrives_as_it_is(server: Server, tmp_path: Path, language: str) -> None:
    done = server.fork("shell", "--no-imports", "-c", _ADD_SCOPE)
    assert done.returncode == 0, done.stderr
    made = make(server, "--scope", ODD_SCOPE)
    assert "eyJ" in run(language, request_of(server, made, SECRET), tmp_path, secret=made["client_secret"])


# One for each kind of key. In Python, the library knows all that differs between the algorithms for a kind.
KINDS = ["ES256", "RS256", "EdDSA"]
OTHERS = [
    pytest.param(language, algorithm, marks=pytest.mark.slow)
    for language, algorithm in product(["curl", "javascript"], [name for name in KEYS if name not in KINDS])
]


@pytest.mark.parametrize(("language", "algorithm"), [*product(["curl", "javascript", "python"], KINDS), *OTHERS])
def test_a_signed_assertion_gets_a_token(server: Server, by_key: Callable[[str], tuple[Path, dict[str, Any]]], language: str, algorithm: str) -> None:
    folder, made = by_key(algorithm)
    assert "eyJ" in run(language, request_of(server, made, ASSERTION, kid=made["keys"][0], algorithm=algorithm), folder)


@pytest.fixture(scope="module")
def machine(server: Server, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A folder with a certificate, and its client."""
    folder = tmp_path_factory.mktemp("machine")
    self_signed("sample").write(folder, "client")
    made = make(server, "--scope", "read", "--auth-method", "self_signed_tls_client_auth", "--certificate", str(folder / "client.pem"))
    time.sleep(1)  # until every worker knows the certificate
    return folder, made


@pytest.mark.parametrize("language", ["curl", "python", "javascript"])
def test_a_certificate_gets_a_token(server: Server, machine: tuple[Path, dict[str, Any]], language: str) -> None:
    folder, made = machine
    assert "eyJ" in run(language, request_of(server, made, CERTIFICATE, uses_certificate=True), folder)


@pytest.mark.parametrize("language", ["python", "javascript"])
@pytest.mark.parametrize("kind", [SECRET, ASSERTION])
def test_a_bound_token_comes_with_a_proof(server: Server, tmp_path: Path, language: str, kind: str) -> None:
    write_key("ES256", tmp_path)
    key = ["--auth-method", "private_key_jwt", "--public-key", str(tmp_path / "public.pem")] if kind == ASSERTION else []
    made = make(server, "--scope", "read", "--require-dpop", *key)
    kid = made["keys"][0] if key else ""
    assert "eyJ" in run(language, request_of(server, made, kind, kid=kid, needs_dpop=True), tmp_path, secret=made.get("client_secret", ""))


@pytest.fixture
def docs(server: Server) -> Callable[[str, dict[str, Any]], str]:
    """A function that returns a piece of code of the docs pages, as they have it for a client."""

    def write(name: str, made: dict[str, Any]) -> str:
        audiences = made["audiences"]
        values = {
            "client": {"audiences": audiences},
            "own_audience": f"{server.url}/w/demo",
            "client_id": made["client_id"],
            "issuer": server.url,
            "audience": next(iter(audiences), f"{server.url}/w/demo"),
            "ca": str(server.ca),
            "scope": "read",
        }
        return unescape(render_to_string(f"docs/code/{name}.txt", {"values": values, "workspace": {"slug": "demo"}}))

    return write


def test_what_the_docs_have_for_a_shell_runs(server: Server, docs: Callable[..., str]) -> None:
    made = make(server, "--scope", "read write")
    steps = [docs(name, made) for name in ("whoami", "introspect", "revoke", "introspect", "resource")]
    env = {"PATH": os.environ["PATH"], "TOKENOS_CLIENT_SECRET": made["client_secret"]}
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", "\necho\n".join(steps)], env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    me, before, revoked, after, token = [json.loads(line) for line in done.stdout.splitlines() if line]
    assert me["client_id"] == before["client_id"] == made["client_id"]
    assert (before["active"], revoked, after) == (True, {}, {"active": False})
    assert token["scope"] == "read"


def test_what_the_docs_have_for_a_shell_runs_for_a_client_with_an_audience_of_its_own(server: Server, docs: Callable[..., str]) -> None:
    """TokenOS itself takes no token that is for another API."""
    made = make(server, "--scope", "read", "--audience", "https://api.example.com")
    steps = [docs(name, made) for name in ("whoami", "token", "introspect")]
    env = {"PATH": os.environ["PATH"], "TOKENOS_CLIENT_SECRET": made["client_secret"]}
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", "\necho\n".join(steps)], env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    me, token = [json.loads(line) for line in done.stdout.splitlines() if line]
    assert (me["client_id"], token["active"], token["aud"]) == (made["client_id"], True, "https://api.example.com")


def test_what_the_docs_have_for_introspection_asks_for_the_apis_own_tokens_only(server: Server, docs: Callable[..., str]) -> None:
    made = make(server, "--scope", "read", "--audience", f"{server.url}/w/demo", "--audience", "https://elsewhere.example.com")
    for resource, is_active in (("https://elsewhere.example.com", False), (f"{server.url}/w/demo", True)):
        form = {"grant_type": "client_credentials", "resource": resource}
        token = server.post("/oauth2/token", auth=(made["client_id"], made["client_secret"]), data=form).json()["access_token"]
        env = {"PATH": os.environ["PATH"], "TOKENOS_CLIENT_SECRET": made["client_secret"], "TOKEN": token}
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", docs("introspect", made)], env=env, capture_output=True, text=True, timeout=60, check=True)
        assert json.loads(done.stdout)["active"] is is_active


def test_what_the_docs_have_for_an_api_takes_good_tokens_only(server: Server, docs: Callable[..., str]) -> None:
    made = make(server, "--scope", "read")
    code: dict[str, Any] = {}
    exec(docs("verify", made), code)
    answer = server.post("/oauth2/token", auth=(made["client_id"], made["client_secret"]), data={"grant_type": "client_credentials"}).json()
    assert code["verify"](answer["access_token"], "read")["client_id"] == made["client_id"]
    with pytest.raises(PermissionError):
        code["verify"](answer["access_token"], "write")
    server.manage("create_workspace", "elsewhere")
    foreign = server.manage("create_client", "--workspace", "elsewhere", "--name", "x", "--scope", "read", "--audience", "https://theirs.example.com")
    theirs = server.post("/oauth2/token", auth=(foreign["client_id"], foreign["client_secret"]), data={"grant_type": "client_credentials"}).json()
    code["AUDIENCE"] = "https://theirs.example.com"
    with pytest.raises(jwt.InvalidTokenError, match="issued for another workspace"):
        code["verify"](theirs["access_token"], "read")
    with pytest.raises(jwt.InvalidTokenError):
        code["verify"](jwt.encode({"scope": "read"}, "k" * 32), "read")
