"""The dashboard's examples in Go: all are formatted as by gofmt, and those that need no library newer than Debian's run unchanged.

They need Go: apt install golang-go golang-golang-x-oauth2-dev. Signed assertions and DPoP need jwt/v5 and a Go with rand.Text, which Debian 12 lacks.
"""

import os
import shutil
import subprocess
import time
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from dashboard.frame.snippets import go
from dashboard.frame.snippets.token_request import ASSERTION, CERTIFICATE, POST, SECRET, TokenRequest
from tests.certificates import self_signed
from tests.servers.conftest import Server
from tests.servers.nursery import ROOT
from tests.servers.stores import missing
from tests.servers.test_snippets import make, request_of

LIBRARIES = Path("/usr/share/gocode")
# Of what Go has compiled, which takes longer than all the rest: it is kept, as Go keeps its own.
CACHE = ROOT / ".pytest_cache" / "go"

# Go compiles its libraries for a minute. Where there is no time for that, gofmt has read all examples.
compiled = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def _go() -> None:
    if shutil.which("go") is None or shutil.which("gofmt") is None:
        missing("Go", install="apt install golang-go")


def go_run() -> list[str]:
    """It compiles quickly rather than well, unless Go came with its packages compiled (up to 1.19)."""
    compiled = list(Path(shutil.which("go") or "").resolve().parents[1].glob("pkg/*/bufio.a"))
    return ["go", "run"] if compiled else ["go", "run", "-gcflags=all=-N -l"]


def run(request: TokenRequest, folder: Path, *, secret: str = "") -> str:
    (folder / "main.go").write_text(go.write(request) + "\n")
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GOCACHE": str(CACHE),
        "GOPATH": str(LIBRARIES),
        "GO111MODULE": "off",
        "CGO_ENABLED": "0",
        "SSL_CERT_FILE": request.ca,
        "TOKENOS_CLIENT_ID": request.client_id,
        "TOKENOS_CLIENT_SECRET": secret,
    }
    done = subprocess.run([*go_run(), "main.go"], cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@compiled
@pytest.mark.parametrize("kind", [SECRET, POST])
def test_a_secret_gets_a_token(server: Server, tmp_path: Path, kind: str) -> None:
    if not (LIBRARIES / "src/golang.org/x/oauth2").is_dir():
        missing("The library golang.org/x/oauth2", install="apt install golang-golang-x-oauth2-dev")
    made = make(server, "--scope", "read write")
    assert "token expires at" in run(request_of(server, made, kind), tmp_path, secret=made["client_secret"])


@compiled
def test_a_certificate_gets_a_token(server: Server, tmp_path: Path) -> None:
    self_signed("sample").write(tmp_path, "client")
    made = make(server, "--scope", "read", "--auth-method", "self_signed_tls_client_auth", "--certificate", str(tmp_path / "client.pem"))
    time.sleep(1)  # until every worker knows the certificate
    assert "200 OK" in run(request_of(server, made, CERTIFICATE, uses_certificate=True), tmp_path)


OPTIONS: list[dict[str, Any]] = [
    {},
    {"scope": "read write"},
    {"needs_dpop": True, "kid": "k"},
    {"uses_certificate": True, "scope": "read"},
    {"ca": "/a b/ca.pem"},
]


def test_all_are_spelled_as_gofmt_has_it(tmp_path: Path) -> None:
    for kind, (number, fields), algorithm in product([SECRET, POST, ASSERTION, CERTIFICATE], enumerate(OPTIONS), ["ES256", "RS256", "PS256", "EdDSA"]):
        request = TokenRequest("client", kind, issuer="https://tokens.example.com", algorithm=algorithm, **{"scope": "", "ca": "", **fields})
        (tmp_path / f"{kind}-{number}-{algorithm}.go").write_text(go.write(request) + "\n")
    done = subprocess.run(["gofmt", "-d", "."], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(list(tmp_path.iterdir())) == 80
