"""A TLS handshake: how much a peer may send for it, where its certificate is read, and how it fails. What a peer may send afterwards is bounded_tls's.

OpenSSL is given whole records, and no more than a handshake needs. If it can't be told what to refuse, see dashboard/server/openssl.py, a thread gives it the
records that may hold a certificate, which nobody can see, for TLS 1.3 encrypts it: see dashboard/server/certificate_readers.py.

If a handshake fails, the peer gets the alert that says why (RFC 8446 §6.2), and the operator a line about a client certificate that was refused. An event loop
breaks a connection off as soon as its handshake fails, with the alert still in the buffer. So the failure is told to the loop as a wait for more from the
peer, before which it sends what is in the buffer; a peer that has heard the alert closes the connection by itself. One that doesn't is subject to the deadline
of every handshake, and what it sends is thrown away.
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
_MOST_HELLOS = 2

# Octets of a ClientHello. Those of browsers and libraries have 200 to 2,000, since none has a ticket of ours; OpenSSL compares each key share with each group,
# which in 24 KB takes 15 ms.
MOST_OF_HELLO = 4096

# Octets of records after the ClientHello. Without a certificate a client sends 110 in TLS 1.3 and 105 to 180 in TLS 1.2, and no key that fits in here is large
# enough to cost anything. With one: as long as one may be that is registered, and the proof of its key; or a chain of three of 8,192 bits.
MOST_WITHOUT_CERTIFICATE = 200
MOST = MAX_DER_LENGTH + 2048

# The beginning of a record that is longer than any: OpenSSL answers it with an alert, which it encrypts if the handshake has come so far.
_TOO_LONG = b"\x17\x03\x03\xff\xff"

# Bytes that a refused peer may go on sending: its request, which it may send before it reads the alert.
_DISCARDED = 64 * 1024


class Opening(Protocol):
    """The connection that a handshake is for. address: of the peer, "" for none. is_away: whether a thread has it, so that nobody else may touch it."""

    address: str
    handshake: "Handshake | None"
    is_away: bool

    def read_aside(self) -> bool:
        """Have Handshake.go_on_aside called in a thread, and then do_handshake here. Return False if no thread is to be had."""

    def ask_for_turn(self) -> None:
        """As BoundedTLS's."""


# In the context in which a handshake is made.
opening: ContextVar[Opening | None] = ContextVar("opening", default=None)


class Handshake(BoundedTLS):
    """unread: what came and OpenSSL hasn't got. is_asking: whether for a certificate that a thread has to read. given: octets of records after the ClientHello
    that OpenSSL got. outcome: of the thread, None if it hasn't read. complaint: why the peer's certificate was refused unread.
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
            raise _wait("Others have their turn.")
        if self.failure is None:
            try:
                self._go_on()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                raise
            except ssl.SSLError as error:
                self.failure = error
                log_refusal(error, self.opening.address if self.opening is not None else "", self.complaint)
            else:
                # What came behind it is the request.
                self.incoming.write(self.unread)
                self.unread.clear()
                self.opening = None
                return
        self.discarded += len(self.unread) + len(self.incoming.read())
        self.unread.clear()
        if self.discarded > _DISCARDED:
            raise self.failure
        raise _wait("The handshake has failed. The alert has to be sent.")

    @property
    def held(self) -> int:
        """Octets that came and OpenSSL hasn't got."""
        return len(self.unread) + int(self.incoming.pending)

    def let_go(self) -> None:
        """Nobody goes on with it. A kept error would hold it in its turn, by the frames of its traceback."""
        self.opening = self.ask_for_turn = self.failure = self.outcome = None

    def go_on_aside(self) -> None:
        """In a thread. It raises nothing."""
        try:
            self._give(MOST)
            self.step()
        except BaseException as error:  # noqa: BLE001  # the event loop raises it
            self.outcome = error
        else:
            self.outcome = True

    def step(self) -> None:
        """What SSLObject does in a handshake, with what OpenSSL has been given."""
        super().do_handshake()

    def _go_on(self) -> None:
        """Return if it is done. Raise SSLError."""
        self.unread += self.incoming.read()
        try:
            if self.was_aside:
                self._take_outcome()
            else:
                self._give(MOST_WITHOUT_CERTIFICATE if self.is_asking else MOST)
                self.step()
        except ssl.SSLWantReadError:
            record = find_record(self.unread, 0)
            if not record:
                raise
        else:
            return
        if self.is_asking and not self.is_too_long and self.given + record <= MOST and self.opening is not None and self.opening.read_aside():
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
        """Give OpenSSL the whole records that have come, while it has been given no more than so many octets."""
        place = 0
        while length := find_record(self.unread, place):
            if self.hellos < _MOST_HELLOS and self._is_too_long(place):
                self.is_too_long = True
                break
            # A second one comes if the first names no group that is taken, behind a change of cipher suites if at all. RFC 8446 §4.1.4.
            rest = self._find_rest_of_hello(place) if self.hellos < _MOST_HELLOS else None
            given = self.given + (length if rest is None else 0)
            if given > most:
                break
            # What follows anything else may go on with a message, and look like another ClientHello.
            goes_on = rest == 0 or self.unread[place] == _CHANGE_CIPHER_SPEC
            self.given = given
            self.hellos = self.hellos + (rest is not None) if goes_on else _MOST_HELLOS
            place += length
        self.incoming.write(self.unread[:place])
        del self.unread[:place]

    def _is_too_long(self, place: int) -> bool:
        """Whether a ClientHello begins in the record that begins there, and is longer than any, or doesn't say how long it is. A record without anything, which
        RFC 8446 §5.1 forbids, would let the next one pass for what follows.
        """
        message = self.unread[place + HEADER : place + HEADER + min(4, int.from_bytes(self.unread[place + 3 : place + HEADER]))]
        is_hello = self.unread[place] == _HANDSHAKE and message[:1] == _CLIENT_HELLO
        return not message or (is_hello and (len(message) < 4 or int.from_bytes(message[1:]) > MOST_OF_HELLO))

    def _find_rest_of_hello(self, place: int) -> int | None:
        """How many octets of a ClientHello the record that begins there leaves to others; None where there is anything else in it. RFC 8446 §4."""
        kind, message = self.unread[place], self.unread[place + HEADER : place + HEADER + 4]
        octets = int.from_bytes(self.unread[place + 3 : place + HEADER])
        rest = int.from_bytes(message[1:]) - (octets - 4)
        return rest if kind == _HANDSHAKE and message[:1] == _CLIENT_HELLO and rest >= 0 else None


class HandshakeContext(ssl.SSLContext):
    """A context whose connections are Handshakes. No peer may begin a second one, in which it could send what it may not in the first."""

    sslobject_class = Handshake
    reads_aside = keeps_sessions = False

    def __new__(cls, protocol: int) -> "HandshakeContext":
        made = super().__new__(cls, protocol)
        # Nor resumes one: a ticket that holds a client's certificate would make its ClientHello long, and OpenSSL's cache keeps the certificates of 20,000.
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
