"""Reads the certificate that a TLS client presents before OpenSSL decides about it: a registered one passes with any issuer. RFC 8705 §2.2.

OpenSSL searches its trusted certificates for an issuer, takes the first one that matches by name and key identifier, and doesn't try others if the signature
doesn't fit. If all registered certificates were trusted at once, a registered certificate that looks like the issuer of others would keep these out, and
anybody can make such a certificate. So when a registered one is presented, its connection continues with a context that trusts only that one. The initial
context only trusts the operator's CAs.

Its key is checked first: OpenSSL takes seconds to read some kinds, and would block the event loop. RFC 8446 §4.4.2.

If OpenSSL's functions can't be called (see dashboard/server/openssl.py), a private name of Python's ssl is used (3.8 and later): SSLContext._msg_callback,
which sees each message but can't refuse any. Then threads read the certificates, see dashboard/server/certificate_readers.py.
"""

import ssl
from functools import lru_cache

from clients.certificate import x5t_s256
from clients.der import is_quick_certificate
from dashboard.server import openssl
from dashboard.server.handshake import Handshake, HandshakeContext
from dashboard.server.refused_certificate import MANY, SLOW

# RFC 8446 §5.1 and §4.
_HANDSHAKE, _CERTIFICATE = 22, 11

# A client's own certificate, two intermediates, and the CA. OpenSSL reads the key of each, which takes up to 0.4 ms.
MAX_CERTIFICATES = 4

# X509_V_FLAG_NO_CHECK_TIME, for which Python has no name.
_NO_CHECK_TIME = 0x200000

# SSL_OP_NO_RX_CERTIFICATE_COMPRESSION (RFC 8879), in OpenSSL 3.2 and later: otherwise a certificate could come in a message that isn't read here.
_NO_COMPRESSION = 1 << 33

# Contexts that each worker keeps for the next connection with the same certificate, about 20 KB each.
_CONTEXTS = 256


class PresentingHandshake(Handshake):
    def step(self) -> None:
        with openssl.telling(self._hear):
            super().step()
        if isinstance(self.context, ClientCertificateContext):
            self.context = self.context.quiet

    def _hear(self, message: bytes, version: int) -> bool:
        listed = _find_certificates(message, version)
        if len(listed) > MAX_CERTIFICATES:
            self.complaint = MANY
        elif not all(map(is_quick_certificate, listed)):
            self.complaint = SLOW
        if self.complaint:
            return False
        assert isinstance(self.context, ClientCertificateContext)
        if listed and x5t_s256(listed[0]) in self.context.registered:
            self.context = _trust_alone(listed[0])
        return True


class ClientCertificateContext(HandshakeContext):
    """A context that requests a certificate but doesn't require one.

    registered: the thumbprints of registered certificates. quiet: the context that replaces it after a handshake without a registered certificate, so that
    messages of the open connection aren't reported.
    """

    sslobject_class = PresentingHandshake
    registered: frozenset[str]
    quiet: ssl.SSLContext

    def ask(self, registered: frozenset[str]) -> None:
        self.registered, self.quiet = registered, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.options |= _NO_COMPRESSION
        self.verify_mode = ssl.CERT_OPTIONAL
        # A connection keeps the flags of the context that it begins with.
        self.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
        self.reads_aside = not openssl.hear_certificates(self)
        if self.reads_aside:
            self._msg_callback = _hear


def _hear(handshake: PresentingHandshake, direction: str, version: int, content_type: int, message_type: int, message: bytes) -> None:
    if direction == "read" and content_type == _HANDSHAKE and message_type == _CERTIFICATE:
        handshake._hear(message, version)


def _find_certificates(message: bytes, version: int) -> list[bytes]:
    """Return the certificates in DER, the client's own first. RFC 8446 §4.4.2, RFC 5246 §7.4.6. If the message is malformed, the result isn't a certificate."""
    is_new = version >= ssl.TLSVersion.TLSv1_3
    # The message's type and length, from TLS 1.3 on a context with its length, and the length of the list.
    place = 4 + (1 + int.from_bytes(message[4:5]) if is_new else 0) + 3
    found = []
    while place < len(message):
        length = int.from_bytes(message[place : place + 3])
        place += 3
        found.append(message[place : place + length])
        place += length
        if is_new:
            # The certificate's extensions.
            place += 2 + int.from_bytes(message[place : place + 2])
    return found


@lru_cache(maxsize=_CONTEXTS)
def _trust_alone(certificate: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_verify_locations(cadata=certificate)
    return context
