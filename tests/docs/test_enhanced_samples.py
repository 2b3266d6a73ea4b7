"""The samples of docs/enhanced-security.md are run unchanged, over TLS, against the real server."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.pages import block, blocks
from tests.docs.test_samples import checkout, environment, run, run_shell
from tests.servers.conftest import Server
from tests.servers.test_interoperability import javascript

__all__ = ["checkout", "javascript"]

PAGE = "docs/enhanced-security.md"
NAMES = ("PRIVATE_KEY", "KID", "CERTIFICATE", "CERTIFICATE_KEY", "CLIENT_ID")

Reader = tuple[Path, dict[str, str]]


def follow(server: Server, folder: Path, section: str) -> Reader:
    """Run the samples under a heading. Return the reader's folder, and the shell's environment afterwards."""
    steps = [example.text for example in blocks(PAGE, "sh") if example.section == section]
    assert steps
    tell = "".join(f'echo "{name}=${{{name}:-}}"\n' for name in NAMES)
    printed = run_shell(server, folder, "\n".join([*steps, tell]))
    exported = dict(line.split("=", 1) for line in printed.splitlines() if line.split("=", 1)[0] in NAMES)
    return folder, environment(server, {"client_id": "", "client_secret": ""}) | exported


@pytest.fixture(scope="module")
def with_key(server: Server, checkout: Callable[[Server], Path]) -> Reader:
    return follow(server, checkout(server), "Generate a key and register it")


@pytest.fixture(scope="module")
def with_certificate(server: Server, checkout: Callable[[Server], Path]) -> Reader:
    reader = follow(server, checkout(server), "A self-signed certificate")
    time.sleep(1)  # within which a registered certificate works, as the page says
    return reader


def test_curl_authenticates_with_a_signed_assertion(server: Server, with_key: Reader) -> None:
    folder, exported = with_key
    exports = "".join(f"export {name}='{exported[name]}'\n" for name in ("CLIENT_ID", "ISSUER", "CURL_CA_BUNDLE"))
    printed = run_shell(server, folder, exports + block(PAGE, "sh", "curl with a signed assertion"))
    assert json.loads(printed.splitlines()[-1])["scope"] == "read"


@pytest.mark.parametrize("section", ["Python with a signed assertion", "Python with DPoP"])
def test_python_uses_the_key(with_key: Reader, section: str) -> None:
    folder, exported = with_key
    assert "'auth_method': 'access_token'" in run([sys.executable, "-"], block(PAGE, "python", section), env=exported, cwd=folder)


@pytest.mark.parametrize("section", ["JavaScript with a signed assertion", "JavaScript with DPoP"])
def test_javascript_uses_the_key(with_key: Reader, javascript: Path, section: str) -> None:
    folder, exported = with_key
    (folder / "sample.mjs").write_text(block(PAGE, "javascript", section))
    if not (folder / "node_modules").exists():
        (folder / "node_modules").symlink_to(javascript / "node_modules")
    assert "scopes: [ 'read' ]" in run(["node", "sample.mjs"], "", env=exported, cwd=folder)


def test_curl_authenticates_with_a_certificate(with_certificate: Reader) -> None:
    folder, exported = with_certificate
    printed = run(["bash", "-euo", "pipefail"], block(PAGE, "sh", "curl with a client certificate"), env=exported, cwd=folder)
    assert json.loads(printed)["token_type"] == "Bearer"


def test_python_authenticates_with_a_certificate_and_uses_the_token(with_certificate: Reader) -> None:
    folder, exported = with_certificate
    printed = run([sys.executable, "-"], block(PAGE, "python", "Python with a client certificate"), env=exported, cwd=folder)
    assert "'scopes': ['read']" in printed


def test_javascript_authenticates_with_a_certificate_and_uses_the_token(with_certificate: Reader) -> None:
    folder, exported = with_certificate
    (folder / "sample.mjs").write_text(block(PAGE, "javascript", "JavaScript with a client certificate"))
    assert "scopes: [ 'read' ]" in run(["node", "sample.mjs"], "", env=exported, cwd=folder)


def test_client_of_a_ca_is_made(server: Server, checkout: Callable[[Server], Path]) -> None:
    assert "tls_client_auth" in run_shell(server, checkout(server), block(PAGE, "sh", "A certificate from a CA"))
