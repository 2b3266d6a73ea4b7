"""The certificate that a TLS client presents, read before OpenSSL decides on it: one that is registered passes, whoever issued it. RFC 8705 §2.2.

OpenSSL looks for an issuer among all that it trusts, takes the first that fits by name and key identifier, and asks no other for the signature. If all
registered certificates were trusted at once, each would keep out those that it looks like the issuer of, and anybody can make one that does. So when one is
presented, its connection goes on with a context that trusts that one alone. The context before it trusts the operator's CAs and nothing else.

Private name of Python's ssl (3.8 and later) used here: SSLContext._msg_callback, which hears each message of a handshake before OpenSSL heeds it.
"""

import ssl
from functools import lru_cache

from clients.certificate import x5t_s256
from dashboard.server.handshake import Handshake, HandshakeContext

# RFC 8446 §5.1 and §4.
_HANDSHAKE, _CERTIFICATE = 22, 11

# X509_V_FLAG_NO_CHECK_TIME, which Python has no name for.
_NO_CHECK_TIME = 0x200000

# SSL_OP_NO_RX_CERTIFICATE_COMPRESSION (RFC 8879), of OpenSSL 3.2 and later: else a certificate could come in a message that isn't read here.
_NO_COMPRESSION = 1 << 33

# Contexts that each worker keeps for the next connection with the same certificate, of some 20 KB.
_CONTEXTS = 256


class PresentingHandshake(Handshake):
    def do_handshake(self) -> None:
        super().do_handshake()
        if isinstance(self.context, ClientCertificateContext):
            self.context = self.context.quiet


class ClientCertificateContext(HandshakeContext):
    """A context that asks for a certificate and demands none.

    registered: the thumbprints of those that pass. quiet: what takes its place after a handshake without any of them, so that the messages of the open
    connection are told to nobody.
    """

    sslobject_class = PresentingHandshake
    registered: frozenset[str]
    quiet: ssl.SSLContext

    def ask(self, registered: frozenset[str]) -> None:
        self.registered, self.quiet = registered, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.options |= _NO_COMPRESSION
        self.verify_mode = ssl.CERT_OPTIONAL
        # The flags of a connection are those of the context that it begins with.
        self.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
        self._msg_callback = _hear


def _hear(handshake: PresentingHandshake, direction: str, version: int, content_type: int, message_type: int, message: bytes) -> None:
    if direction == "read" and content_type == _HANDSHAKE and message_type == _CERTIFICATE:
        certificate = _find_certificate(message, version)
        assert isinstance(handshake.context, ClientCertificateContext)
        if x5t_s256(certificate) in handshake.context.registered:
            handshake.context = _trust_alone(certificate)


def _find_certificate(message: bytes, version: int) -> bytes:
    """Return the client's own in DER, b"" for none. RFC 8446 §4.4.2, RFC 5246 §7.4.6. What isn't well-formed is refused by OpenSSL right after."""
    # The message's kind and length; since TLS 1.3 a context with its length.
    start = 4 + (1 + int.from_bytes(message[4:5]) if version >= ssl.TLSVersion.TLSv1_3 else 0)
    # The length of the list, and that of the first certificate.
    start += 6
    return message[start : start + int.from_bytes(message[start - 3 : start])]


@lru_cache(maxsize=_CONTEXTS)
def _trust_alone(certificate: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_verify_locations(cadata=certificate)
    return context
