"""A TLS handshake: the limit of a peer's data, the reading of its certificate, and failures. bounded_tls limits what a peer may send afterwards.

OpenSSL only gets whole records, and no more than a handshake needs. If it can't be told what to refuse (see dashboard/server/openssl.py), a thread gives it the
records that may contain a certificate (see dashboard/server/certificate_readers.py). We can't know which ones do, because TLS 1.3 encrypts certificates.

If a handshake fails, the peer gets an alert with the cause (RFC 8446 §6.2). If a client certificate was refused, the operator gets a log line. An event loop
drops a connection as soon as its handshake fails, with the alert still in the buffer. So we tell the loop that we are waiting for more data: before it
waits, it sends the buffer. A peer that gets the alert closes the connection by itself. If it doesn't, the deadline of every handshake applies,
and data from the peer is discarded.
"""

import ssl
from contextvars import ContextVar
from typing import Any, Protocol

from clients.certificate import MAX_DER_LENGTH
from dashboard.server.bounded_tls import BoundedTLS
from dashboard.server.openssl import forget_sessions
from dashboard.server.refused_certificate import log_refusal
from dashboard.server.tls_records import HEADER, find_record

_CHANGE_CIPHER_SPEC, _HANDSHAKE, _CLIENT_HELLO = 20, 22, b"\x01"
_MAX_HELLOS = 2

# Bytes of a ClientHello. Browsers and libraries send 200 to 2,000, because none has a session ticket from us. OpenSSL compares each key share with each group,
# which takes 15 ms for 24 KB.
MAX_OF_HELLO = 4096

# Bytes of records after the ClientHello. Without a certificate, a client sends 110 in TLS 1.3 and 105 to 180 in TLS 1.2, and no key that fits into this is
# expensive. With a certificate, the limit is enough for the longest registered one and the proof of its key, or for a chain of three with 8,192-bit keys.
MAX_WITHOUT_CERTIFICATE = 200
MAX = MAX_DER_LENGTH + 2048

# The beginning of a record that is longer than allowed: OpenSSL answers it with an alert, encrypted if the handshake has got that far.
_TOO_LONG = b"\x17\x03\x03\xff\xff"

# Bytes that a refused peer may still send: it may send its request before it reads the alert.
_DISCARDED = 64 * 1024


class Opening(Protocol):
    """The connection that a handshake is for. address: the peer's, "" if unknown. is_away: whether a thread has it, so that other code must not touch it."""

    address: str
    handshake: "Handshake | None"
    is_away: bool

    def read_aside(self) -> bool:
        """Have Handshake.go_on_aside called in a thread, and then do_handshake here. Return False if no thread is available."""

    def ask_for_turn(self) -> None:
        """As in BoundedTLS."""


# Set in the context in which a handshake is made.
opening: ContextVar[Opening | None] = ContextVar("opening", default=None)


class Handshake(BoundedTLS):
    """unread: received data that OpenSSL hasn't got. is_asking: whether it requests a certificate that a thread has to read. given: bytes of records after the
    ClientHello that OpenSSL got. outcome: the thread's result, None if it hasn't read yet. complaint: why the peer's certificate was refused unread.
    """

    unread: bytearray
    is_asking: bool
    opening: Opening | None
    given = 0
    was_aside = False
    outcome: BaseException | bool | None = None
    failure: ssl.SSLError | None = None
    discarded = 0
    complaint = ""
    hellos = 0
    is_too_long = False

    def do_handshake(self) -> None:
        if self.opening is not None and self.opening.is_away:
            raise _wait("A thread has it.")
        if self.ask_for_turn is not None and self.incoming.pending and not self.has_turn and self.failure is None:
            self.ask_for_turn()
            raise _wait("It is another connection's turn.")
        if self.failure is None:
            try:
                self._go_on()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                raise
            except ssl.SSLError as error:
                self.failure = error
                log_refusal(error, self.opening.address if self.opening is not None else "", self.complaint)
            else:
                # The data that follows is the request.
                self.incoming.write(self.unread)
                self.unread.clear()
                self.opening = None
                return
        self.discarded += len(self.unread) + len(self.incoming.read())
        self.unread.clear()
        if self.discarded > _DISCARDED:
            raise self.failure
        raise _wait("The handshake has failed, and the alert has to be sent.")

    @property
    def held(self) -> int:
        """Received bytes that OpenSSL hasn't got."""
        return len(self.unread) + int(self.incoming.pending)

    def let_go(self) -> None:
        """Give the handshake up. If the error were kept, the frames of its traceback would keep the handshake alive."""
        self.opening = self.ask_for_turn = self.failure = self.outcome = None

    def go_on_aside(self) -> None:
        """Called in a thread. It doesn't raise."""
        try:
            self._give(MAX)
            self.step()
        except BaseException as error:  # noqa: BLE001  # the event loop raises it
            self.outcome = error
        else:
            self.outcome = True

    def step(self) -> None:
        """Do a step of SSLObject's handshake, with the data that OpenSSL has been given."""
        super().do_handshake()

    def _go_on(self) -> None:
        """Return when the handshake is done. Raise SSLError."""
        self.unread += self.incoming.read()
        try:
            if self.was_aside:
                self._take_outcome()
            else:
                self._give(MAX_WITHOUT_CERTIFICATE if self.is_asking else MAX)
                self.step()
        except ssl.SSLWantReadError:
            record = find_record(self.unread, 0)
            if not record:
                raise
        else:
            return
        if self.is_asking and not self.is_too_long and self.given + record <= MAX and self.opening is not None and self.opening.read_aside():
            self.was_aside = True
            raise _wait("A thread has it.")
        self._refuse()

    def _take_outcome(self) -> None:
        outcome, self.outcome, self.was_aside = self.outcome, None, False
        if outcome is None:
            self._refuse()
        if isinstance(outcome, BaseException):
            try:
                raise outcome
            finally:
                del outcome

    def _refuse(self) -> None:
        self.unread.clear()
        self.incoming.write(_TOO_LONG)
        self.step()

    def _give(self, most: int) -> None:
        """Give OpenSSL the whole records that have arrived. most: the limit of bytes given in total."""
        place = 0
        while length := find_record(self.unread, place):
            if self.hellos < _MAX_HELLOS and self._is_too_long(place):
                self.is_too_long = True
                break
            # A second ClientHello follows if the first names no accepted group, perhaps after a ChangeCipherSpec. RFC 8446 §4.1.4.
            rest = self._find_rest_of_hello(place) if self.hellos < _MAX_HELLOS else None
            given = self.given + (length if rest is None else 0)
            if given > most:
                break
            # After anything else, a record may continue a message and only look like another ClientHello.
            goes_on = rest == 0 or self.unread[place] == _CHANGE_CIPHER_SPEC
            self.given = given
            self.hellos = self.hellos + (rest is not None) if goes_on else _MAX_HELLOS
            place += length
        self.incoming.write(self.unread[:place])
        del self.unread[:place]

    def _is_too_long(self, place: int) -> bool:
        """Whether a ClientHello begins in the record at place and is longer than allowed or doesn't say how long it is. An empty record, which RFC 8446 §5.1
        forbids, would make the next one look like its continuation.
        """
        message = self.unread[place + HEADER : place + HEADER + min(4, int.from_bytes(self.unread[place + 3 : place + HEADER]))]
        is_hello = self.unread[place] == _HANDSHAKE and message[:1] == _CLIENT_HELLO
        return not message or (is_hello and (len(message) < 4 or int.from_bytes(message[1:]) > MAX_OF_HELLO))

    def _find_rest_of_hello(self, place: int) -> int | None:
        """The number of bytes of a ClientHello after the record at place; None if the record contains anything else. RFC 8446 §4."""
        kind, message = self.unread[place], self.unread[place + HEADER : place + HEADER + 4]
        octets = int.from_bytes(self.unread[place + 3 : place + HEADER])
        rest = int.from_bytes(message[1:]) - (octets - 4)
        return rest if kind == _HANDSHAKE and message[:1] == _CLIENT_HELLO and rest >= 0 else None


class HandshakeContext(ssl.SSLContext):
    """A context whose connections are Handshakes. A peer can't begin a second handshake, in which it could send what isn't allowed in the first."""

    sslobject_class = Handshake
    reads_aside = keeps_sessions = False

    def __new__(cls, protocol: int) -> "HandshakeContext":
        made = super().__new__(cls, protocol)
        # There is no resumption either: a ticket with a client's certificate would make the ClientHello long, and OpenSSL's cache would keep 20,000
        # certificates.
        made.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET
        made.num_tickets = 0
        made.keeps_sessions = not forget_sessions(made)
        return made

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *arguments: Any, **options: Any) -> ssl.SSLObject:
        made = super().wrap_bio(incoming, outgoing, *arguments, **options)
        assert isinstance(made, Handshake)
        made.incoming, made.unread, made.is_asking = incoming, bytearray(), self.reads_aside
        made.keeps_session = self.keeps_sessions
        made.opening = opening.get()
        if made.opening is not None:
            made.opening.handshake, made.ask_for_turn = made, made.opening.ask_for_turn
        return made


def _wait(reason: str) -> ssl.SSLWantReadError:
    return ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, reason)
