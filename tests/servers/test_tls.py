"""The local CA and its certificate are renewed while serving; plain HTTP on the TLS port is refused."""

import os
import ssl
import stat
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dashboard.instance import server_certificate
from tests.certificates import Authority, pem
from tests.servers.conftest import Server, read_answer


def served_certificate(server: Server) -> x509.Certificate:
    with server.connect() as sock:
        der = sock.getpeercert(binary_form=True)  # type: ignore[attr-defined]
    return x509.load_der_x509_certificate(der)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_curl_verifies_the_server_with_the_local_ca(server: Server, host: str) -> None:
    command = ["curl", "--silent", "--show-error", "--cacert", str(server.ca), f"https://{host}:{server.port}/healthz", "--output", os.devnull]
    subprocess.run(command, check=True, timeout=30)


def test_python_verifies_the_server_strictly(server: Server) -> None:
    context = server.context()
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with context.wrap_socket(server.connect(tls=False), server_hostname="localhost") as sock:
        assert sock.version() == "TLSv1.3"


def test_old_versions_of_tls_are_refused(server: Server) -> None:
    context = server.context()
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with server.connect(tls=False) as sock, pytest.raises((ssl.SSLError, ConnectionError)):
        context.wrap_socket(sock, server_hostname="localhost")


def agree(server: Server, group: str, version: str = "-tls1_3") -> str:
    """What OpenSSL's client says of a handshake in which it offers that group alone."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-groups", group, version, "-CAfile", str(server.ca), "-brief"]
    return subprocess.run(command, input="", capture_output=True, text=True, timeout=30, check=False).stderr


@pytest.mark.parametrize(("group", "version"), [("X25519", "-tls1_3"), ("P-256", "-tls1_3"), ("P-256", "-tls1_2"), ("X25519:P-256", "-tls1_2")])
def test_keys_are_agreed_on_in_the_groups_that_cost_little(server: Server, group: str, version: str) -> None:
    assert "CONNECTION ESTABLISHED" in agree(server, group, version)


def test_keys_are_agreed_on_in_a_group_that_outlasts_quantum_computers_if_openssl_has_it(server: Server) -> None:
    assert ("CONNECTION ESTABLISHED" in agree(server, "X25519MLKEM768")) == (ssl.OPENSSL_VERSION_INFO >= (3, 5))


@pytest.mark.parametrize("group", ["ffdhe2048", "ffdhe8192", "P-521"])
def test_no_group_is_taken_in_which_a_stranger_has_the_server_compute_for_long(server: Server, group: str) -> None:
    assert "handshake failure" in agree(server, group)


def test_p_384_which_costs_three_times_as_much_is_taken_once_certificates_are_asked_for(make_server: Callable[..., Server]) -> None:
    server = make_server(WEB_CONCURRENCY="1")
    assert "handshake failure" in agree(server, "P-384")
    (server.data_dir / "tls" / "client-ca.pem").write_text(pem(Authority.create().certificate))
    last = time.monotonic() + 30
    while "CONNECTION ESTABLISHED" not in agree(server, "P-384"):
        assert time.monotonic() < last
        time.sleep(0.1)
    server.stop()


# This imitates a Python into which OpenSSL is linked: with all of ssl, or into _ssl, whose file then doesn't export OpenSSL's functions.
WITHOUT_OPENSSLS_FUNCTIONS = {"in Python": "import _ssl; del _ssl.__file__", "in _ssl": "import _json, _ssl; _ssl.__file__ = _json.__file__"}


@pytest.mark.parametrize("where", ["in _ssl", pytest.param("in Python", marks=pytest.mark.slow)])
def test_if_groups_cannot_be_named_the_one_that_every_client_has_is_left(make_server: Callable[..., Server], tmp_path: Path, where: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_OPENSSLS_FUNCTIONS[where])
    server = make_server(WEB_CONCURRENCY="1", PYTHONPATH=str(tmp_path))
    assert "CONNECTION ESTABLISHED" in agree(server, "P-256")
    assert "handshake failure" in agree(server, "X25519")
    server.stop()


def test_keys_are_private(server: Server) -> None:
    directory = server.data_dir / "tls"
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in directory.iterdir()}
    assert modes == {"ca.pem": 0o644, "ca-key.pem": 0o600, "server.pem": 0o600}
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(server.data_dir.stat().st_mode) == 0o700


def test_renewed_certificate_is_taken_up_without_a_restart(server: Server) -> None:
    before = served_certificate(server)
    kept = server.connect()
    assert server_certificate.renew(server.data_dir / "tls", "localhost") is None
    later = before.not_valid_after_utc - server_certificate.RENEWAL + timedelta(hours=1)
    assert server_certificate.renew(server.data_dir / "tls", "localhost", now=later - timedelta(hours=2)) is None
    # The test can only change its own time, not the server's, so new names cause the renewal.
    assert server_certificate.renew(server.data_dir / "tls", "tokens.example.com")
    time.sleep(1.2)
    after = {served_certificate(server).serial_number for _ in range(8)}
    assert before.serial_number not in after
    assert len(after) == 1
    with kept:
        kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert read_answer(kept).status == 200


def test_half_replaced_certificate_leaves_the_old_one_in_use(server: Server) -> None:
    file = server.data_dir / "tls" / "server.pem"
    content = file.read_bytes()
    serial = served_certificate(server).serial_number
    file.write_bytes(content[:300])
    time.sleep(1.2)
    assert {served_certificate(server).serial_number for _ in range(4)} == {serial}
    file.write_bytes(content)


def test_operators_certificate_is_served_and_never_touched(make_server: Callable[..., Server]) -> None:
    server = make_server(start=False)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tokens.example.com")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(77)
    certificate = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = server.data_dir / "tls" / "server.pem"
    file.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    assert server.run("-m", "dashboard.instance.bootstrap").returncode == 0
    assert x509.load_pem_x509_certificates(file.read_bytes())[0].serial_number == 77


@pytest.mark.parametrize("request_line", [b"POST /oauth2/token", b"GET /oauth2/token", b"GET /", b"GET /admin/", b"GET /api/v1/whoami", b"GET /nowhere"])
def test_plain_http_on_the_tls_port_is_refused_in_clear_text(server: Server, request_line: bytes) -> None:
    answer = server.exchange(request_line + b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nAuthorization: Basic YTpi\r\n\r\n", tls=False)
    assert answer.status == 400
    assert answer.json()["error"] == "invalid_request"
    assert "https://" in answer.json()["error_description"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_health_is_open_to_plain_http(server: Server, path: str) -> None:
    assert server.exchange(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(), tls=False).status == 200


def test_connections_spread_over_the_workers(server: Server) -> None:
    """Of 40 kept connections neither worker may have nearly all."""
    connections = [server.connect() for _ in range(40)]
    busy = server.count_sockets()
    for sock in connections:
        sock.close()
    time.sleep(0.5)
    assert len(busy) == 2
    assert min(some - rest for some, rest in zip(busy, server.count_sockets(), strict=True)) >= 8
