"""The local CA and the server certificate that it issues, under $DATA_DIR/tls.

server.pem contains the key, the certificate and its chain in one file with mode 0600, so that a reader never gets a key that belongs to another certificate
while the file is replaced. A certificate that our local CA didn't issue is the operator's: it is served and never changed. RFC 5280 §4.2.
"""

import secrets
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from dashboard.instance.files import locked, write_private

ORGANIZATION = "TokenOS local CA"
CA_LIFETIME = timedelta(days=3652)
LIFETIME = timedelta(days=90)
RENEWAL = timedelta(days=30)

# Clocks differ, and a certificate must not be "not yet valid" on a machine whose clock is slightly behind.
_BACKDATING = timedelta(hours=1)


class CertificateError(Exception):
    """Its text is one sentence that says what to do."""


def renew(directory: Path, host: str, *, now: datetime | None = None) -> str | None:
    """Issue a server certificate for host and the loopback names if there is none, its names differ, or it expires within 30 days.

    Return what was done as a sentence, or None if there was nothing to do. Raise CertificateError if that isn't possible. Several processes may call it at
    once.
    """
    now = now or datetime.now(UTC)
    with locked(directory):
        names = _names(host)
        current = _read_certificate(directory / "server.pem")
        if current is not None and _organization(current.issuer) != ORGANIZATION:
            return None
        ca = _read_certificate(directory / "ca.pem")
        if current is not None and ca is not None and _is_good(current, ca, names, now):
            return None
        done = ""
        is_over = ca is None or ca.not_valid_after_utc - now < LIFETIME
        if ca is not None and not is_over and not _permits(ca, names):
            # If a CA's key is kept elsewhere, only its owner can replace the CA.
            _read_ca_key(directory, ca)
            is_over = True
        if ca is None or is_over:
            ca = _create_ca(directory, names, now)
            done = f"Created a certificate authority for this machine: {directory / 'ca.pem'}\n"
        certificate = _issue(directory, ca, names, now)
        shown = ", ".join(str(name.value) for name in names)
        return f"{done}Issued the server certificate for {shown}, valid until {certificate.not_valid_after_utc:%Y-%m-%d}."


def _names(host: str) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = []
    for name in dict.fromkeys([host, "localhost", "127.0.0.1", "::1"]):
        try:
            names.append(x509.IPAddress(ip_address(name)))
        except ValueError:
            names.append(x509.DNSName(name))
    return names


def _read_certificate(file: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificates(file.read_bytes())[0]
    except FileNotFoundError:
        return None
    except ValueError:
        raise CertificateError(f"{file} contains no PEM certificate. Put the right one there, or remove the file to create a new one.") from None


def _organization(name: x509.Name) -> str | None:
    attributes = name.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return str(attributes[0].value) if attributes else None


def _is_good(certificate: x509.Certificate, ca: x509.Certificate, names: list[x509.GeneralName], now: datetime) -> bool:
    try:
        certificate.verify_directly_issued_by(ca)
    except (ValueError, InvalidSignature):
        return False
    named = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(named) == set(names) and certificate.not_valid_after_utc - now >= RENEWAL


def _constraints(names: list[x509.GeneralName]) -> x509.NameConstraints:
    """RFC 5280 §4.2.1.10. A DNS name also permits its subdomains."""
    return x509.NameConstraints([x509.IPAddress(ip_network(name.value)) if isinstance(name, x509.IPAddress) else name for name in names], None)


def _permits(ca: x509.Certificate, names: list[x509.GeneralName]) -> bool:
    """Whether the CA may sign for these names. A CA without constraints may sign for any name. It is the operator's own, or an older one of ours that people
    have in their browsers.
    """
    try:
        permitted = ca.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees
    except x509.ExtensionNotFound:
        return True
    return _organization(ca.subject) != ORGANIZATION or set(_constraints(names).permitted_subtrees or ()) <= set(permitted or ())


def _create_ca(directory: Path, names: list[x509.GeneralName], now: datetime) -> x509.Certificate:
    """The CA may only sign for these names, because people import it into their browsers and its key is stored here."""
    key = ec.generate_private_key(ec.SECP256R1())
    # Two CAs with the same name confuse browsers, so each has a number.
    name = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION), x509.NameAttribute(NameOID.COMMON_NAME, f"{ORGANIZATION} {secrets.token_hex(4)}")]
    )
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        _begin(name, name, key, now, CA_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(certificates=True), critical=True)
        .add_extension(_constraints(names), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_private(directory / "ca-key.pem", _pem(key))
    write_private(directory / "ca.pem", certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)
    return certificate


def _issue(directory: Path, ca: x509.Certificate, names: list[x509.GeneralName], now: datetime) -> x509.Certificate:
    ca_key = _read_ca_key(directory, ca)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "TokenOS server")])
    identifier = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    certificate = (
        _begin(subject, ca.subject, key, now, LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    write_private(directory / "server.pem", _pem(key) + certificate.public_bytes(serialization.Encoding.PEM))
    return certificate


def _read_ca_key(directory: Path, ca: x509.Certificate) -> ec.EllipticCurvePrivateKey:
    """Raise CertificateError if the operator keeps the key elsewhere, or has put another CA there."""
    file = directory / "ca-key.pem"
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), None)
    except (OSError, ValueError, TypeError):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != ca.public_key():
        raise CertificateError(
            f"A new server certificate is due, but {file} isn't the key of ca.pem. Put the right key back, or remove ca.pem to create a new CA."
        )
    return key


def _begin(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, lifetime: timedelta) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATING)
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        key_cert_sign=certificates,
        crl_sign=certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
