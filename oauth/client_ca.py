"""The CAs whose certificates authenticate clients (tls_client_auth): the operator's file $DATA_DIR/tls/client-ca.pem. RFC 8705 §2.1, RFC 5280 §6.

One of them must have issued the client's certificate directly, so intermediate CAs must be in the file themselves. Revocation lists are left out on purpose:
disable the client, or take its CA out of the file, which takes effect at once.

Only the CAs in the file as it is now are trusted, never those that were in it before: if somebody empties or overwrites the file, no clock and no cache may
delay that. While an editor writes the file in place, fewer CAs are trusted for a moment.
"""

import hashlib
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID
from django.conf import settings

from clients.certificate import UNREADABLE, find_extension, is_authority
from clients.public_key import holds_private_key

logger = logging.getLogger("tokenos.oauth")

# Extensions that may be critical, because they are checked here or can't matter if a CA issues the client's certificate directly.
_HEEDED = (x509.BasicConstraints, x509.KeyUsage, x509.ExtendedKeyUsage, x509.SubjectKeyIdentifier, x509.AuthorityKeyIdentifier)

_BEGIN = re.compile(rb"(?=-----BEGIN )")

Stamp = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class ClientCAs:
    """The content of the file at one moment. by_subject: encoded name → the CAs with that name.

    stamp: shows whether the file has changed, without reading it; () if there is no file, the error's number if it can't be read.
    """

    stamp: Stamp
    by_subject: Mapping[bytes, tuple[x509.Certificate, ...]]
    certificates: tuple[x509.Certificate, ...]

    @cached_property
    def fingerprints(self) -> frozenset[str]:
        return frozenset(map(fingerprint, self.certificates))

    def find_issuers(self, certificate: x509.Certificate) -> tuple[x509.Certificate, ...]:
        """The CAs that signed the certificate. Their own validity period isn't checked here."""
        return tuple(authority for authority in self.by_subject.get(certificate.issuer.public_bytes(), ()) if _has_signed(authority, certificate))


_current = ClientCAs((), {}, ())


def file() -> Path:
    return settings.DATA_DIR / "tls" / "client-ca.pem"


def client_cas() -> ClientCAs:
    """The CAs in the file as it is now; none if there is no file or it can't be read."""
    global _current
    known = _current
    try:
        found = file().stat()
        # st_ctime_ns can't be set back like a file's other times.
        stamp: Stamp = (found.st_mtime_ns, found.st_ino, found.st_size, found.st_ctime_ns)
        if stamp == known.stamp:
            return known
        _current = read = _group(stamp, _read(file().read_bytes()))
    except FileNotFoundError:
        _current = read = known if known.stamp == () else ClientCAs((), {}, ())
    except OSError as error:
        # Try again each time: when the machine's problem is solved, the file may be unchanged.
        stamp = (error.errno or 0,)
        if stamp == known.stamp:
            return known
        logger.exception("%s can't be read, so no CA in it is trusted.", file())
        _current = read = ClientCAs(stamp, {}, ())
    return read


def fingerprint(authority: x509.Certificate) -> str:
    """A fingerprint of a CA's name and key. A renewed CA certificate has the same fingerprint, so tokens that name it stay valid."""
    key = authority.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(authority.subject.public_bytes() + key).hexdigest()[:32]


def _group(stamp: Stamp, certificates: tuple[x509.Certificate, ...]) -> ClientCAs:
    by_subject: dict[bytes, tuple[x509.Certificate, ...]] = {}
    for certificate in certificates:
        name = certificate.subject.public_bytes()
        by_subject[name] = (*by_subject.get(name, ()), certificate)
    return ClientCAs(stamp, by_subject, certificates)


def _read(content: bytes) -> tuple[x509.Certificate, ...]:
    """The CAs in the file's content that may be trusted. The others are logged."""
    if holds_private_key(content):
        logger.error(
            "%s contains a private key, so that key is compromised: anybody who has read the file can make certificates for every client of its CA. "
            "No CA in the file is trusted until the key is taken out. Replace that CA.",
            file(),
        )
        return ()
    blocks = _BEGIN.split(content)[1:]
    usable = []
    for number, block in enumerate(blocks, 1):
        certificate = _load(block)
        if certificate is None:
            logger.error(
                "Certificate number %s in %s is damaged, has name constraints, or doesn't belong to a CA for TLS clients. It is ignored.", number, file()
            )
        else:
            usable.append(certificate)
    if not usable:
        logger.log(logging.ERROR if content.strip() else logging.WARNING, "%s contains no CA in PEM, so no CA is trusted.", file())
    return tuple(usable)


def _load(block: bytes) -> x509.Certificate | None:
    """block: PEM, and any text after it."""
    try:
        certificate = x509.load_pem_x509_certificate(block)
    except UNREADABLE:
        return None
    return certificate if _is_usable(certificate) else None


def _is_usable(certificate: x509.Certificate) -> bool:
    """Whether the CA may be trusted. False for a certificate that can't be read, so that the others still count."""
    try:
        fingerprint(certificate)
        usage, extended = find_extension(certificate, x509.KeyUsage), find_extension(certificate, x509.ExtendedKeyUsage)
        return (
            is_authority(certificate)
            and (usage is None or usage.key_cert_sign)
            and (extended is None or ExtendedKeyUsageOID.CLIENT_AUTH in extended)
            # Constraints on names aren't checked here, so a CA that has them isn't trusted, whether it marks them as critical or not. RFC 5280 §4.2.1.10.
            and not any(isinstance(extension.value, x509.NameConstraints) for extension in certificate.extensions)
            and all(isinstance(extension.value, _HEEDED) for extension in certificate.extensions if extension.critical)
        )
    except UNREADABLE:
        return False


def _has_signed(authority: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
