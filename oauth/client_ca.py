"""The CAs whose certificates authenticate clients (tls_client_auth): the operator's file $DATA_DIR/tls/client-ca.pem. RFC 8705 §2.1, RFC 5280 §6.

A client's certificate must be issued by one of them directly: intermediate CAs stand in the file themselves. Revocation lists are left out on purpose:
a client is disabled, or its CA taken out of the file, which counts at once.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID
from django.conf import settings

from clients.certificate import UNREADABLE, find_extension, is_authority

logger = logging.getLogger("tokenos.oauth")

# Extensions that may be critical because what they say is heeded here, or can't matter where a client's certificate is issued directly.
_HEEDED = (x509.BasicConstraints, x509.KeyUsage, x509.ExtendedKeyUsage, x509.SubjectKeyIdentifier, x509.AuthorityKeyIdentifier)

Stamp = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class ClientCAs:
    """What the file held at one moment. by_subject: encoded name → those of that name."""

    stamp: Stamp | None
    by_subject: Mapping[bytes, tuple[x509.Certificate, ...]]
    certificates: tuple[x509.Certificate, ...]

    def find_issuers(self, certificate: x509.Certificate) -> tuple[x509.Certificate, ...]:
        """Those whose signature the certificate bears. Whether they are valid today is another question."""
        return tuple(authority for authority in self.by_subject.get(certificate.issuer.public_bytes(), ()) if _has_signed(authority, certificate))


_none = ClientCAs(None, {}, ())
_current = _none


def file() -> Path:
    return settings.DATA_DIR / "tls" / "client-ca.pem"


def look() -> Stamp | None:
    """What tells one content of the file from the next without reading it; None where there is no file."""
    try:
        found = file().stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def client_cas() -> ClientCAs:
    """Those of the file as it is now. While it can't be read, the ones before count; without the file there are none."""
    global _current
    stamp = look()
    known = _current
    if stamp == known.stamp:
        return known
    _current = found = _none if stamp is None else _read(stamp, known)
    return found


def _read(stamp: Stamp, known: ClientCAs) -> ClientCAs:
    try:
        read = x509.load_pem_x509_certificates(file().read_bytes())
    except (OSError, *UNREADABLE):
        logger.exception("%s can't be read. The CAs before it stay in use.", file())
        return ClientCAs(stamp, known.by_subject, known.certificates)
    usable = tuple(certificate for certificate in read if _is_usable(certificate))
    for number, certificate in enumerate(read, 1):
        if certificate not in usable:
            logger.error("The certificate number %s in %s isn't that of a CA for TLS clients. It is left out.", number, file())
    by_subject: dict[bytes, tuple[x509.Certificate, ...]] = {}
    for certificate in usable:
        name = certificate.subject.public_bytes()
        by_subject[name] = (*by_subject.get(name, ()), certificate)
    return ClientCAs(stamp, by_subject, usable)


def _is_usable(certificate: x509.Certificate) -> bool:
    """One that can't be read is no reason to leave the others out."""
    try:
        certificate.subject.public_bytes()
        usage, extended = find_extension(certificate, x509.KeyUsage), find_extension(certificate, x509.ExtendedKeyUsage)
        return (
            is_authority(certificate)
            and (usage is None or usage.key_cert_sign)
            and (extended is None or ExtendedKeyUsageOID.CLIENT_AUTH in extended)
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
