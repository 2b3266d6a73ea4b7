"""A TLS handshake that fails: the peer gets the alert that says why (RFC 8446 §6.2), and the operator a line about a client certificate that was refused.

An event loop breaks a connection off as soon as its handshake fails, with the alert still in the buffer. So the failure is told to the loop as a wait for more
from the peer, before which it sends what is in the buffer; a peer that has heard the alert closes the connection by itself. Whoever doesn't is subject to the
deadline of every handshake, and what it sends is thrown away.

OpenSSL doesn't tell which certificate it refused: it forgets it before anybody can ask.
"""

import logging
import socket
import ssl
import time
from collections import Counter
from contextvars import ContextVar
from typing import Any

logger = logging.getLogger("tokenos.server")

# The socket of the connection, in the context that its handshake runs in.
peer: ContextVar[socket.socket | None] = ContextVar("peer", default=None)

# Bytes that a refused peer may go on sending: its request, which it may send before it reads the alert.
_DISCARDED = 256 * 1024

# Lines within so many seconds, of each worker: about one address, and in all.
_WINDOW, _LINES_OF_ADDRESS, _LINES = 60, 5, 50

# X509_V_ERR_CERT_SIGNATURE_FAILURE, where the issuer only has the name of a trusted CA; …_DEPTH_ZERO_SELF_SIGNED_CERT, …_SELF_SIGNED_CERT_IN_CHAIN,
# …_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, …_UNABLE_TO_VERIFY_LEAF_SIGNATURE.
_UNKNOWN = (7, 18, 19, 20, 21)


class Quota:
    """How many lines may still be logged, so that nobody floods the log."""

    def __init__(self) -> None:
        self._began = -float(_WINDOW)
        self._lines: Counter[str] = Counter()
        self._left_out = 0

    def spend(self, address: str, now: float) -> int | None:
        """now: seconds of a monotonic clock. Returns how many lines were left out since the last one, None where this one is to be left out as well."""
        if now - self._began >= _WINDOW:
            self._began, self._lines = now, Counter()
        if self._lines[address] >= _LINES_OF_ADDRESS or self._lines.total() >= _LINES:
            self._left_out += 1
            return None
        self._lines[address] += 1
        left_out, self._left_out = self._left_out, 0
        return left_out


_quota = Quota()


class Handshake(ssl.SSLObject):
    """incoming: what the peer has sent and nobody has read yet."""

    incoming: ssl.MemoryBIO
    failure: ssl.SSLError | None = None
    discarded = 0

    def do_handshake(self) -> None:
        if self.failure is None:
            try:
                super().do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                raise
            except ssl.SSLError as error:
                self.failure = error
                if isinstance(error, ssl.SSLCertVerificationError):
                    _log(error)
            else:
                return
        self.discarded += len(self.incoming.read())
        if self.discarded > _DISCARDED:
            raise self.failure
        raise ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "The handshake has failed. The alert has to be sent.")


class HandshakeContext(ssl.SSLContext):
    """A context whose connections are Handshakes."""

    sslobject_class = Handshake

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *arguments: Any, **options: Any) -> ssl.SSLObject:
        made = super().wrap_bio(incoming, outgoing, *arguments, **options)
        assert isinstance(made, Handshake)
        made.incoming = incoming
        return made


def _log(error: ssl.SSLCertVerificationError) -> None:
    address = _find_address()
    left_out = _quota.spend(address, time.monotonic())
    if left_out is None:
        return
    reason = error.verify_message
    if error.verify_code in _UNKNOWN:
        reason += ". It isn't registered, or ended or was revoked over 30 days ago, and no CA in client-ca.pem issued it directly"
    more = f" {left_out} more were refused since the last such line." if left_out else ""
    logger.info("A client certificate was refused in the TLS handshake.%s", more, extra={"address": address or None, "reason": f"{reason}."})


def _find_address() -> str:
    """Return "" for a peer that is gone."""
    sock = peer.get()
    try:
        return str(sock.getpeername()[0]) if sock is not None else ""
    except OSError:
        return ""
