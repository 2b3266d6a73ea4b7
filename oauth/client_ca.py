"""The CAs whose certificates authenticate clients (tls_client_auth): the operator's file $DATA_DIR/tls/client-ca.pem. RFC 8705 §2.1, RFC 5280 §6.

A client's certificate must be issued by one of them directly: intermediate CAs stand in the file themselves. Revocation lists are left out on purpose:
a client is disabled, or its CA taken out of the file, which counts at once.

What can be read in the file as it is now is trusted, and nothing that stood there before: whoever empties or overwrites it wants that to end, and no clock and
no memory may be in the way. An editor that writes in place trusts fewer CAs for the moment that it takes.
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

# Extensions that may be critical because what they say is heeded here, or can't matter where a client's certificate is issued directly.
_HEEDED = (x509.BasicConstraints, x509.KeyUsage, x509.ExtendedKeyUsage, x509.SubjectKeyIdentifier, x509.AuthorityKeyIdentifier)

_BEGIN = re.compile(rb"(?=-----BEGIN )")

Stamp = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class ClientCAs:
    """What the file held at one moment. by_subject: encoded name → those of that name.

    stamp: what tells one content of the file from the next without reading it; () where there is no file, and of a file that can't be read the error's number.
    """

    stamp: Stamp
    by_subject: Mapping[bytes, tuple[x509.Certificate, ...]]
    certificates: tuple[x509.Certificate, ...]

    @cached_property
    def fingerprints(self) -> frozenset[str]:
        return frozenset(map(fingerprint, self.certificates))

    def find_issuers(self, certificate: x509.Certificate) -> tuple[x509.Certificate, ...]:
        """Those whose signature the certificate bears. Whether they are valid today is another question."""
        return tuple(authority for authority in self.by_subject.get(certificate.issuer.public_bytes(), ()) if _has_signed(authority, certificate))


_current = ClientCAs((), {}, ())


def file() -> Path:
    return settings.DATA_DIR / "tls" / "client-ca.pem"


def client_cas() -> ClientCAs:
    """Those of the file as it is now; none where there is no file, or it can't be read."""
    global _current
    known = _current
    try:
        found = file().stat()
        # The last is no mere time of day: nothing can set it back.
        stamp: Stamp = (found.st_mtime_ns, found.st_ino, found.st_size, found.st_ctime_ns)
        if stamp == known.stamp:
            return known
        _current = read = _group(stamp, _read(file().read_bytes()))
    except FileNotFoundError:
        _current = read = known if known.stamp == () else ClientCAs((), {}, ())
    except OSError as error:
        # Tried again each time: the file may be the same when what is wrong with the machine is over.
        stamp = (error.errno or 0,)
        if stamp == known.stamp:
            return known
        logger.exception("%s can't be read, so none of the CAs in it is trusted.", file())
        _current = read = ClientCAs(stamp, {}, ())
    return read


def fingerprint(authority: x509.Certificate) -> str:
    """Of a CA's name and key: that of its renewed certificate is the same, and so is what it may be trusted for."""
    key = authority.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(authority.subject.public_bytes() + key).hexdigest()[:32]


def _group(stamp: Stamp, certificates: tuple[x509.Certificate, ...]) -> ClientCAs:
    by_subject: dict[bytes, tuple[x509.Certificate, ...]] = {}
    for certificate in certificates:
        name = certificate.subject.public_bytes()
        by_subject[name] = (*by_subject.get(name, ()), certificate)
    return ClientCAs(stamp, by_subject, certificates)


def _read(content: bytes) -> tuple[x509.Certificate, ...]:
    """What may be trusted of a content of the file. What is left out of it is logged."""
    if holds_private_key(content):
        logger.error(
            "%s holds a private key, which is compromised now: anybody who has read it can make certificates for every client of its CA. "
            "None of the CAs in the file is trusted until the key is taken out. Replace that CA.",
            file(),
        )
        return ()
    blocks = _BEGIN.split(content)[1:]
    usable = []
    for number, block in enumerate(blocks, 1):
        certificate = _load(block)
        if certificate is None:
            logger.error("The certificate number %s in %s is damaged, or isn't that of a CA for TLS clients. It is left out.", number, file())
        else:
            usable.append(certificate)
    if not usable:
        logger.log(logging.ERROR if content.strip() else logging.WARNING, "%s holds no CA in PEM, so none is trusted.", file())
    return tuple(usable)


def _load(block: bytes) -> x509.Certificate | None:
    """block: PEM, and what stands behind it."""
    try:
        certificate = x509.load_pem_x509_certificate(block)
    except UNREADABLE:
        return None
    return certificate if _is_usable(certificate) else None


def _is_usable(certificate: x509.Certificate) -> bool:
    """One that can't be read is no reason to leave the others out."""
    try:
        fingerprint(certificate)
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
