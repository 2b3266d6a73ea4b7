"""Certificates for tests, self-signed or issued by a CA."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True)
class Holder:
    """A program's key and its certificate."""

    key: Any
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def write(self, directory: Path, name: str = "client") -> tuple[str, str]:
        """Return the paths of certificate and key, as arguments for requests and curl."""
        certificate, key = directory / f"{name}.pem", directory / f"{name}-key.pem"
        certificate.write_text(pem(self.certificate))
        key.write_bytes(self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return str(certificate), str(key)


@dataclass(frozen=True)
class Authority(Holder):
    @classmethod
    def create(cls, name: str = "Client CA", **fields: Any) -> "Authority":
        extensions = [x509.BasicConstraints(ca=True, path_length=None), key_usage(key_cert_sign=True, crl_sign=True)]
        made = self_signed(name, **{"extensions": extensions, **fields})
        return cls(made.key, made.certificate)


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def key_usage(**allowed: bool) -> x509.KeyUsage:
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign")
    return x509.KeyUsage(**{name: allowed.get(name, False) for name in names}, encipher_only=False, decipher_only=False)


def subject_of(name: str | x509.Name) -> x509.Name:
    return name if isinstance(name, x509.Name) else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _sign(
    subject: str | x509.Name,
    issuer: x509.Name,
    key: Any,
    signer: Any,
    extensions: Sequence[x509.ExtensionType],
    begins: datetime | None,
    ends: datetime | None,
    *,
    critical: bool,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject_of(subject))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins or now - timedelta(days=1))
        .not_valid_after(ends or now + timedelta(days=30))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=critical)
    hashing = hashes.SHA256() if isinstance(signer, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | dsa.DSAPrivateKey) else None
    return builder.sign(signer, hashing)


def self_signed(
    name: str | x509.Name = "billing-sync",
    *,
    key: Any = None,
    extensions: Sequence[x509.ExtensionType] = (),
    begins: datetime | None = None,
    ends: datetime | None = None,
    critical: bool = False,
) -> Holder:
    key = key or ec.generate_private_key(ec.SECP256R1())
    return Holder(key, _sign(name, subject_of(name), key, key, extensions, begins, ends, critical=critical))


CLIENT_AUTH = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]),)


def issue(
    authority: Holder,
    name: str | x509.Name = "billing-sync",
    *,
    key: Any = None,
    extensions: Sequence[x509.ExtensionType] = CLIENT_AUTH,
    begins: datetime | None = None,
    ends: datetime | None = None,
) -> Holder:
    key = key or ec.generate_private_key(ec.SECP256R1())
    return Holder(key, _sign(name, authority.certificate.subject, key, authority.key, extensions, begins, ends, critical=False))


def with_unknown_version(der: bytes) -> bytes:
    """A certificate of version 4, which doesn't exist. Its other parts can be read."""
    assert der.count(b"\xa0\x03\x02\x01\x02") == 1
    return der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x03")


def pem_of(der: bytes) -> str:
    return f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(der).decode()}\n-----END CERTIFICATE-----\n"


def with_unreadable_name() -> x509.Certificate:
    """The common name in its subject is a bit string: only reading the name fails."""
    identifier = x509.NameAttribute(NameOID.X500_UNIQUE_IDENTIFIER, b"billing", _ASN1Type.BitString)
    der = self_signed(x509.Name([identifier])).der
    return x509.load_der_x509_certificate(der.replace(b"\x06\x03\x55\x04\x2d", b"\x06\x03\x55\x04\x03"))
