"""Client certificates as an operator submits them: X.509 (RFC 5280) in PEM (RFC 7468).

A certificate is refused if OpenSSL would refuse it in a TLS handshake anyway, so that this is noticed early, or if it isn't safe. Chains are deliberately
not supported: a registered certificate is trusted by itself (RFC 8705 §2.2).
"""

import binascii
import hashlib
import re
import ssl
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, PublicKeyAlgorithmOID
from django.core.exceptions import ValidationError

from clients import base64url
from clients.der import MAX_RSA_BITS, MAX_RSA_EXPONENT

MAX_LENGTH = 64 * 1024
MAX_CERTIFICATES = 10
# The maximum length in DER. Each name and extension is an object and costs time, and a longer certificate doesn't fit into a handshake.
MAX_DER_LENGTH = 8 * 1024

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \1-----")
_PRIVATE = re.compile(r'PRIVATE KEY|"(?:d|k)"\s*:')
_X5T_S256 = re.compile(r"[A-Za-z0-9_-]{43}")
_HEX = re.compile(r"[0-9A-Fa-f]{64}")
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_RSA_BITS = range(2048, MAX_RSA_BITS + 1)
_KEYS = (
    PublicKeyAlgorithmOID.RSAES_PKCS1_v1_5,
    PublicKeyAlgorithmOID.RSASSA_PSS,
    PublicKeyAlgorithmOID.EC_PUBLIC_KEY,
    PublicKeyAlgorithmOID.ED25519,
    PublicKeyAlgorithmOID.ED448,
)
_BROKEN_HASHES = (hashes.MD5, hashes.SHA1)
_Extension = TypeVar("_Extension", bound=x509.ExtensionType)
# The errors that cryptography raises for an unreadable certificate, some only when a part is accessed.
UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.InvalidVersion, x509.UnsupportedGeneralNameType)


@dataclass(frozen=True, slots=True)
class ParsedCertificate:
    """thumbprint: x5t#S256 (RFC 8705 §3.1). subject: RFC 4514, "" for none. pem: contains exactly the bytes that the thumbprint is made from."""

    thumbprint: str
    subject: str
    pem: str
    valid_from: datetime
    expires_at: datetime


def x5t_s256(der: bytes) -> str:
    """RFC 8705 §3.1: the base64url of the SHA-256 of a certificate's DER."""
    return base64url.encode(hashlib.sha256(der).digest())


def read_certificates(text: str) -> list[ParsedCertificate]:
    """Return the certificates in a PEM file. Raise ValidationError if it contains anything else, or a certificate that can't authenticate a client."""
    ders = _read_pem(text)
    certificates = [load_certificate(der) for der in ders]
    _refuse_chain(certificates)
    for certificate in certificates:
        check_certificate(certificate)
    parsed = [_describe(der, certificate) for der, certificate in zip(ders, certificates, strict=True)]
    if len({one.thumbprint for one in parsed}) < len(parsed):
        raise ValidationError("The file contains the same certificate twice. Include each only once.", code="repeated_certificate")
    return parsed


def parse_thumbprint(text: str) -> str:
    """Read an x5t#S256, given as such or as “openssl x509 -fingerprint -sha256” prints it. Raise ValidationError if it is neither."""
    if _X5T_S256.fullmatch(text):
        return text
    hexadecimal = text.rpartition("=")[2].replace(":", "")
    if not _HEX.fullmatch(hexadecimal):
        raise ValidationError(
            f"“{text[:80]}” isn't a certificate's thumbprint. Give the 43 characters of its x5t#S256, or its SHA-256 fingerprint.", code="invalid_thumbprint"
        )
    return base64url.encode(bytes.fromhex(hexadecimal))


def _read_pem(text: str) -> list[bytes]:
    if _PRIVATE.search(text):
        raise ValidationError(
            "The file contains a PRIVATE KEY. Treat it as compromised. Make a new key and certificate, and register the certificate.",
            code="private_key",
        )
    if len(text) > MAX_LENGTH:
        raise ValidationError("The file is longer than 64 KiB. Submit only one client's certificates.", code="too_long")
    blocks = _BLOCK.findall(text)
    other = next((label for label, _ in blocks if label != "CERTIFICATE"), None)
    if other is not None:
        raise ValidationError(
            f"The file contains a {other[:40]}, not a certificate. Submit the file with -----BEGIN CERTIFICATE-----.", code="not_a_certificate"
        )
    if not blocks:
        raise ValidationError(
            "The file contains no certificate in PEM. Convert a binary one with: openssl x509 -inform DER -in FILE -out FILE.pem", code="not_a_certificate"
        )
    if _BLOCK.sub("", text).strip():
        raise ValidationError(
            "The file contains something besides certificates. Keep only the certificates, from their BEGIN lines to their END lines.", code="trailing_data"
        )
    if len(blocks) > MAX_CERTIFICATES:
        raise ValidationError(f"The file contains {len(blocks)} certificates. Register at most {MAX_CERTIFICATES} at once.", code="too_many_certificates")
    return [_decode(body) for _, body in blocks]


def _decode(body: str) -> bytes:
    try:
        return binascii.a2b_base64("".join(body.split()), strict_mode=True)
    except ValueError:
        raise _unreadable() from None


def _unreadable() -> ValidationError:
    return ValidationError("A certificate in the file is damaged or cut off. Export it again.", code="malformed_certificate")


def load_certificate(der: bytes) -> x509.Certificate:
    """Load names and extensions too, so that they can't fail later. Raise ValidationError if der isn't exactly one certificate."""
    if len(der) > MAX_DER_LENGTH:
        raise ValidationError("A certificate in the file is longer than 8 KiB. Issue it with fewer names.", code="too_long")
    try:
        certificate = x509.load_der_x509_certificate(der)
        _ = certificate.extensions, certificate.subject, certificate.issuer
    except UNREADABLE:
        raise _unreadable() from None
    return certificate


def find_public_key(certificate: x509.Certificate) -> CertificatePublicKeyTypes | None:
    """The certificate's key. None if it can't be read or has a kind that no TLS client uses. OpenSSL would test Diffie-Hellman numbers for seconds."""
    try:
        return certificate.public_key() if certificate.public_key_algorithm_oid in _KEYS else None
    except UNREADABLE:
        return None


def _refuse_chain(certificates: list[x509.Certificate]) -> None:
    for certificate in certificates:
        is_self_signed = certificate.issuer == certificate.subject
        signs_another = any(other.issuer == certificate.subject for other in certificates if other is not certificate)
        if is_authority(certificate) and (signs_another or not is_self_signed):
            raise ValidationError(
                "The file contains a CA's certificate. Register the client's own certificate without its chain.", code="authority_certificate"
            )


def is_authority(certificate: x509.Certificate) -> bool:
    constraints = find_extension(certificate, x509.BasicConstraints)
    return constraints is not None and constraints.ca


def find_extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _describe(der: bytes, certificate: x509.Certificate) -> ParsedCertificate:
    return ParsedCertificate(
        thumbprint=x5t_s256(der),
        subject="".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in certificate.subject.rfc4514_string()),
        pem=ssl.DER_cert_to_PEM_cert(der),
        valid_from=certificate.not_valid_before_utc,
        expires_at=certificate.not_valid_after_utc,
    )


def check_certificate(certificate: x509.Certificate) -> None:
    """Raise ValidationError if it can't authenticate a TLS client, regardless of issuer and validity period."""
    _check_key(certificate)
    _check_signature(certificate)
    if not _allows_client_authentication(certificate):
        raise ValidationError(
            "A certificate in the file isn't for TLS clients. Its extended key usage, if any, must include clientAuth, and its key usage, if any, must include "
            "digitalSignature.",
            code="wrong_key_usage",
        )
    if any(extension.critical and isinstance(extension.value, x509.UnrecognizedExtension) for extension in certificate.extensions):
        raise ValidationError("A certificate in the file has an unrecognised critical extension. Issue it without that extension.", code="unknown_extension")


def _check_key(certificate: x509.Certificate) -> None:
    key = find_public_key(certificate)
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size not in _RSA_BITS:
            raise ValidationError(
                f"A certificate in the file has an RSA key of {key.key_size} bits. Use {_RSA_BITS.start} to {_RSA_BITS.stop - 1}.", code="weak_key"
            )
        if key.public_numbers().e > MAX_RSA_EXPONENT:
            raise ValidationError("A certificate in the file has an RSA key with a huge exponent. Make a key with the usual exponent 65537.", code="weak_key")
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if not isinstance(key.curve, _CURVES):
            raise ValidationError(f"A certificate in the file has a key on the curve {key.curve.name}. Use P-256, P-384 or P-521.", code="weak_key")
    elif not isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        raise ValidationError("A certificate in the file has a key of an unknown kind. Use RSA, P-256, P-384, P-521, Ed25519 or Ed448.", code="weak_key")


def _check_signature(certificate: x509.Certificate) -> None:
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        raise ValidationError("A certificate in the file is signed with an unknown algorithm. Use SHA-256 or Ed25519.", code="weak_signature") from None
    if isinstance(algorithm, _BROKEN_HASHES):
        raise ValidationError(f"A certificate in the file is signed with {algorithm.name.upper()}, which is broken. Use SHA-256.", code="weak_signature")


def _allows_client_authentication(certificate: x509.Certificate) -> bool:
    """RFC 5280 §4.2.1.3 and §4.2.1.12, as OpenSSL reads them: anyExtendedKeyUsage isn't enough."""
    extended, usage = find_extension(certificate, x509.ExtendedKeyUsage), find_extension(certificate, x509.KeyUsage)
    if extended is not None and ExtendedKeyUsageOID.CLIENT_AUTH not in extended:
        return False
    return usage is None or usage.digital_signature or usage.key_agreement
