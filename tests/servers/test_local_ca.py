"""The CA that signs the server's certificate, and that people import into their browsers, is valid only for this server. RFC 5280 §4.2.1.10.

All tests here that connect with browsers, curl, Go, Node.js and Python show that these accept it.
"""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dashboard.instance import server_certificate
from tests.certificates import key_usage, self_signed


def is_good(directory: Path, name: str) -> bool:
    """Whether openssl takes the server's certificate for that name."""
    option = "-verify_hostname" if name[0].isalpha() else "-verify_ip"
    words = ["openssl", "verify", "-purpose", "sslserver", "-CAfile", "ca.pem", option, name, "server.pem"]
    return subprocess.run(words, cwd=directory, capture_output=True, check=False).returncode == 0


def verify(ca: Path, directory: Path, *options: str) -> str:
    """What openssl says of a certificate for foreign names that the CA's key signs, as whoever has read it can."""
    run = lambda *words: subprocess.run(["openssl", *words], capture_output=True, text=True, check=False, cwd=directory)  # noqa: E731
    names = "subjectAltName=DNS:www.bank.example,DNS:localhost,IP:192.0.2.1"
    assert (
        run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "k", "-subj", "/CN=x", "-addext", names, "-out", "r").returncode
        == 0
    )
    signed = run("x509", "-req", "-in", "r", "-CA", str(ca), "-CAkey", str(directory / "ca-key.pem"), "-days", "30", "-copy_extensions", "copy", "-out", "c")
    assert signed.returncode == 0
    answer = run("verify", "-CAfile", str(ca), *options, "c")
    return answer.stdout + answer.stderr


@pytest.mark.rfc("5280", "4.2.1.10")
def test_ca_counts_for_the_names_of_this_server_alone(tmp_path: Path) -> None:
    server_certificate.renew(tmp_path, "tokens.example.com")
    assert "permitted subtree violation" in verify(tmp_path / "ca.pem", tmp_path, "-verify_hostname", "www.bank.example")
    assert all(is_good(tmp_path, name) for name in ("tokens.example.com", "localhost", "127.0.0.1", "::1"))


@pytest.mark.parametrize("host", ["other.example.com", "192.0.2.1", "2001:db8::1"])
def test_another_host_gets_another_ca(tmp_path: Path, host: str) -> None:
    server_certificate.renew(tmp_path, "tokens.example.com")
    before = (tmp_path / "ca.pem").read_bytes()
    said = server_certificate.renew(tmp_path, host)
    assert said is not None
    assert said.startswith("Created a certificate authority for this machine")
    assert (tmp_path / "ca.pem").read_bytes() != before
    assert is_good(tmp_path, host)
    assert server_certificate.renew(tmp_path, host) is None


def put_ca(directory: Path, name: str | x509.Name, *more: x509.ExtensionType) -> bytes:
    """One that isn't of our making. Returns its file."""
    key = ec.generate_private_key(ec.SECP256R1())
    extensions = [x509.BasicConstraints(ca=True, path_length=None), key_usage(key_cert_sign=True), x509.SubjectKeyIdentifier.from_public_key(key.public_key())]
    self_signed(name, key=key, extensions=[*extensions, *more], ends=datetime.now(UTC) + timedelta(days=3650)).write(directory, "ca")
    return (directory / "ca.pem").read_bytes()


def test_a_ca_without_constraints_stays(tmp_path: Path) -> None:
    """People have imported it."""
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, server_certificate.ORGANIZATION)])
    before = put_ca(tmp_path, name)
    for host in ("localhost", "tokens.example.com"):
        assert server_certificate.renew(tmp_path, host)
        assert (tmp_path / "ca.pem").read_bytes() == before
        assert is_good(tmp_path, host)


def test_ca_of_the_operators_own_is_never_replaced_for_its_names(tmp_path: Path) -> None:
    constraints = x509.NameConstraints([x509.DNSName("example.com"), x509.DNSName("localhost")], None)
    before = put_ca(tmp_path, "Company CA", constraints)
    assert server_certificate.renew(tmp_path, "tokens.example.com")
    assert (tmp_path / "ca.pem").read_bytes() == before
