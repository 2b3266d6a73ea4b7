"""Refused client certificates: a peer that is refused in the handshake gets the reason in a TLS alert, and the operator finds it in the log. RFC 8446 §6.2."""

import json
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import Authority, Holder, issue, pem, self_signed
from tests.servers.conftest import Server
from tests.servers.test_mtls import Kept, named, wait_for_the_workers

ALERT = 21


@pytest.fixture(scope="module")
def tls(make_server: Callable[..., Server]) -> Server:
    return make_server(WEB_CONCURRENCY="2", FAILURES_PER_CLIENT="1000", FAILURES_PER_ADDRESS="1000")


@pytest.fixture(scope="module")
def authority(tls: Server) -> Authority:
    """Every worker trusts it, until a test changes that."""
    return trust(tls, Authority.create())


def trust(server: Server, authority: Authority) -> Authority:
    (server.data_dir / "tls" / "client-ca.pem").write_text(pem(authority.certificate))
    wait_for_the_workers()
    return authority


def make_client(server: Server, *arguments: str) -> str:
    return str(server.manage("create_client", "--workspace", "demo", "--name", "machine", "--scope", "read", *arguments)["client_id"])


def make_client_of_ca(server: Server) -> str:
    return make_client(server, "--auth-method", "tls_client_auth", "--tls-subject", "san_dns:billing.example.com")


def curl(server: Server, holder: Holder, directory: Path, *arguments: str) -> str:
    """What curl says when it fails."""
    certificate, key = holder.write(directory, "curl")
    identity = ["--cacert", str(server.ca), "--cert", certificate, "--key", key]
    command = ["curl", "--silent", "--show-error", *identity, *arguments, f"{server.url}/oauth2/token", "--data", "grant_type=client_credentials"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode != 0, done.stdout
    return done.stderr


def refusals(server: Server, address: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    refused = "A client certificate was refused in the TLS handshake"
    return [line for line in lines if line["message"].startswith(refused) and line["address"] == address]


@pytest.mark.rfc("8446", "6.2")
@pytest.mark.usefixtures("authority")
@pytest.mark.parametrize(("version", "address"), [("1.2", "127.0.0.12"), ("1.3", "127.0.0.13")])
def test_refused_certificate_gets_an_alert_and_one_line_in_the_log(tls: Server, tmp_path: Path, version: str, address: str) -> None:
    cases = (
        (self_signed(), "unknown ca", "self-signed certificate"),
        (named(Authority.create("Nobody's CA")), "unknown ca", "unable to get local issuer certificate"),
        # This is the state after a CA's renewal with a new key.
        (named(Authority.create()), "decrypt error", "certificate signature failure"),
    )
    for number, (holder, alert, reason) in enumerate(cases):
        assert f"alert {alert}" in curl(tls, holder, tmp_path, f"--tlsv{version}", "--tls-max", version, "--interface", address)
        time.sleep(0.2)
        assert len(refusals(tls, address)) == number + 1
        line = refusals(tls, address)[-1]
        assert line["level"] == "INFO"
        assert line["reason"].startswith(reason)
        assert "client-ca.pem" in line["reason"]
    assert "Traceback" not in tls.log.read_text()


@pytest.mark.usefixtures("authority")
def test_flood_of_refused_certificates_does_not_flood_the_log(tls: Server, tmp_path: Path) -> None:
    context, address = tls.context(), "127.0.0.14"
    context.load_cert_chain(*self_signed().write(tmp_path))
    for _ in range(60):
        with ExitStack() as stack:
            raw = stack.enter_context(socket.create_connection(("127.0.0.1", tls.port), source_address=(address, 0)))
            sock = stack.enter_context(context.wrap_socket(raw, server_hostname="localhost"))
            # With TLS 1.3, the server answers the certificate after the client's part of the handshake.
            with pytest.raises(ssl.SSLError, match="UNKNOWN_CA"):
                sock.recv(1)
    time.sleep(0.2)
    assert 5 <= len(refusals(tls, address)) <= 10


@pytest.mark.rfc("8446", "6.2")
def test_every_failed_handshake_ends_with_an_alert(tls: Server) -> None:
    with tls.connect(tls=False) as sock:
        sock.sendall(b"\x16\x03\x01\x00\x05hello")
        assert sock.recv(100)[0] == ALERT


def test_refused_peer_that_goes_on_sending_is_cut_off(tls: Server) -> None:
    with tls.connect(tls=False) as sock:
        sock.sendall(b"\x16\x03\x01\x00\x05hello")
        assert sock.recv(100)[0] == ALERT
        began = time.monotonic()
        with suppress(ConnectionError):
            while time.monotonic() - began < 5:
                sock.sendall(b"x" * 10_000)
                time.sleep(0.01)
        assert time.monotonic() - began < 2


def test_private_key_among_the_cas_trusts_nobody_and_is_called_compromised(tls: Server, authority: Authority, tmp_path: Path) -> None:
    """Before any certificate is registered, so that nobody is asked for one."""
    client_id, holder = make_client_of_ca(tls), named(authority)
    with Kept(tls, holder, tmp_path) as kept:
        assert kept.token(client_id)[0] == 200
        certificate, key = (Path(file).read_text() for file in authority.write(tmp_path, "ca"))
        (tls.data_dir / "tls" / "client-ca.pem").write_text(certificate + key)
        assert kept.token(client_id)[0] == 401
    wait_for_the_workers()
    with Kept(tls, issue(authority), tmp_path) as asked_for_none:
        assert asked_for_none.token(client_id)[0] == 401
    said = tls.log.read_text()
    assert "a private key, so that key is compromised" in said
    assert key.splitlines()[1] not in said


def test_emptied_file_of_cas_trusts_nobody_within_a_second_in_every_worker(tls: Server, authority: Authority, tmp_path: Path) -> None:
    client_id, holder = make_client_of_ca(tls), named(authority)
    other = self_signed()
    make_client(tls, "--auth-method", "self_signed_tls_client_auth", "--certificate", other.write(tmp_path, "other")[0])
    trust(tls, authority)
    with ExitStack() as stack:
        kept = [stack.enter_context(Kept(tls, holder, tmp_path)) for _ in range(12)]
        assert {connection.token(client_id)[0] for connection in kept} == {200}
        (tls.data_dir / "tls" / "client-ca.pem").write_text("")
        # This works at once for peers that are already connected.
        assert {connection.token(client_id)[0] for connection in kept} == {401}
        wait_for_the_workers()
        for _ in range(8):
            assert "alert unknown ca" in curl(tls, holder, tmp_path)
    assert "contains no CA in PEM" in tls.log.read_text()
