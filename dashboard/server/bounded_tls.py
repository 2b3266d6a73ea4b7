"""What a TLS peer may send after its handshake: in TLS 1.3 one change of keys (RFC 8446 §4.6.3) after the other, and records of one octet.

If OpenSSL keeps sessions, see dashboard/server/openssl.py, it forgets only those that don't end politely. Each holds the client's certificate, up to 0.3 MB.
So it isn't told of the end, in TLS 1.2: the first alert ends the connection, and none is sent in return.

OpenSSL goes through all that it is given at once, which takes 0.25 s if it is nothing but changes of keys. So it is given one record after the other, few of a
connection in each turn of the event loop; those without data are counted. That costs a read 3 µs.
"""

import ssl
from collections.abc import Callable
from typing import Any

from dashboard.server.tls_records import MOST_DATA, find_record

# RFC 5246 §6.2.1.
_ALERT = 21

# What is read of one connection in a turn of the loop: 0.1 ms. A record of data costs as much as a hundred octets do, and a change of keys ten times that. So
# of records of one octet an HTTP request has too many parts.
_TURN, _OF_DATA, _OF_OTHER = 32, 1, 10
# Records without data that a peer may send, and one more for each with data: it may change its keys before each request.
MOST_OTHERS = 128


class BoundedTLS(ssl.SSLObject):
    """incoming: what OpenSSL reads. spent: of this turn of the loop. others: records so far that had no data, beyond one for each that had. ask_for_turn: has
    another turn begin, for which it is_waiting. has_turn: whether this is one. keeps_session: whether OpenSSL would, after a polite end. has_ended:
    unheard by OpenSSL.
    """

    incoming: ssl.MemoryBIO
    spent = others = 0
    is_waiting = has_turn = keeps_session = has_ended = False
    ask_for_turn: Callable[[], None] | None = None

    def read(self, len: int = 1024, buffer: Any = None) -> Any:  # noqa: A002, ARG002  # Python's names for it; no protocol of ours has a buffer
        """As SSLObject's, but of several records. Raise SSLError if too many of them have no data, SSLWantReadError also if others have their turn."""
        if self.is_waiting:
            raise _wait()
        if self.has_ended:
            return b""
        came, place = self.incoming.read(), 0
        if not came:
            return super().read(min(len, MOST_DATA))
        octets = memoryview(came)
        found: list[bytes] = []
        try:
            while self.spent < _TURN and (length := find_record(came, place)):
                data = self._read_record(octets[place : place + length])
                if data == b"":
                    # The end, which is told by itself: what comes before it has to be taken first.
                    if not found:
                        place += length
                        return data
                    break
                place += length
                if data:
                    found.append(data)
        finally:
            self.incoming.write(octets[place:])
        self.is_waiting = not found and self.spent >= _TURN
        if self.is_waiting and self.ask_for_turn is not None:
            self.ask_for_turn()
        if self.is_waiting or not self.incoming.pending or not found:
            self.spent = 0
        if not found:
            raise _wait()
        return b"".join(found)

    def unwrap(self) -> Any:
        """As SSLObject's, which takes data behind the end for an error."""
        if self.is_waiting:
            raise _wait()
        return None if self._must_end_unheard() else super().unwrap()

    def _must_end_unheard(self) -> bool:
        return self.keeps_session and self.version() == "TLSv1.2"

    def _read_record(self, record: memoryview) -> bytes | None:
        """Its data, None for none, b"" for the end of all."""
        if record[0] == _ALERT and self._must_end_unheard():
            self.has_ended = True
            return b""
        self.incoming.write(record)
        try:
            data = super().read(MOST_DATA)
        except ssl.SSLWantReadError:
            self.spent += _OF_OTHER
            self.others += 1
            if self.others > MOST_OTHERS:
                raise ssl.SSLError(ssl.SSL_ERROR_SSL, "Too much of what the peer sends isn't data.") from None
            return None
        self.spent += _OF_DATA
        self.others = max(self.others - 1, 0)
        return data


def _wait() -> ssl.SSLWantReadError:
    return ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "There is nothing whole to read, or others have their turn.")
