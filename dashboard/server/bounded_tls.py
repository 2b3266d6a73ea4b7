"""Limits what a TLS peer may send after its handshake: in TLS 1.3 it could send any number of key updates (RFC 8446 §4.6.3) and one-byte records.

If OpenSSL keeps sessions (see dashboard/server/openssl.py), it only forgets those that aren't closed cleanly. Each holds the client's certificate, up to 0.3
MB. So in TLS 1.2, OpenSSL isn't told about the end: the first alert ends the connection, and no alert is sent in return.

OpenSSL processes everything that it is given at once, which takes 0.25 s if it is only key updates. So it gets one record after the other, a few of each
connection in each turn of the event loop, and records without data are counted. That costs 3 µs per read.
"""

import ssl
from collections.abc import Callable
from typing import Any

from dashboard.server.tls_records import MAX_DATA, find_record

# RFC 5246 §6.2.1.
_ALERT = 21

# The limit of reads from one connection in a turn of the loop, 0.1 ms. A data record costs as much as a hundred bytes, and a key update ten times that. So an
# HTTP request in one-byte records has too many parts.
_TURN, _OF_DATA, _OF_OTHER = 32, 1, 10
# Records without data that a peer may send, plus one for each record with data: it may update its keys before each request.
MAX_OTHERS = 128


class BoundedTLS(ssl.SSLObject):
    """incoming: the data for OpenSSL. spent: the part of the limit that this turn of the loop has used. others: records without data so far, beyond one for
    each with data. ask_for_turn: requests another turn; until then is_waiting is set. has_turn: whether this is such a turn. keeps_session: whether OpenSSL
    would keep the session after a clean close. has_ended: whether the connection has ended; OpenSSL isn't told.
    """

    incoming: ssl.MemoryBIO
    spent = others = 0
    is_waiting = has_turn = keeps_session = has_ended = False
    ask_for_turn: Callable[[], None] | None = None

    def read(self, len: int = 1024, buffer: Any = None) -> Any:  # noqa: A002, ARG002  # Python's names for it; no protocol of ours has a buffer
        """Like SSLObject's, but for several records. Raise SSLError if too many of them have no data, and SSLWantReadError also if others have their turn."""
        if self.is_waiting:
            raise _wait()
        if self.has_ended:
            return b""
        came, place = self.incoming.read(), 0
        if not came:
            return super().read(min(len, MAX_DATA))
        octets = memoryview(came)
        found: list[bytes] = []
        try:
            while self.spent < _TURN and (length := find_record(came, place)):
                data = self._read_record(octets[place : place + length])
                if data == b"":
                    # The end is reported separately: the data before it must be taken first.
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
        """Like SSLObject's, which treats data after the end as an error."""
        if self.is_waiting:
            raise _wait()
        return None if self._must_end_unheard() else super().unwrap()

    def _must_end_unheard(self) -> bool:
        return self.keeps_session and self.version() == "TLSv1.2"

    def _read_record(self, record: memoryview) -> bytes | None:
        """The record's data, None if it has none, b"" at the end of the connection."""
        if record[0] == _ALERT and self._must_end_unheard():
            self.has_ended = True
            return b""
        self.incoming.write(record)
        try:
            data = super().read(MAX_DATA)
        except ssl.SSLWantReadError:
            self.spent += _OF_OTHER
            self.others += 1
            if self.others > MAX_OTHERS:
                raise ssl.SSLError(ssl.SSL_ERROR_SSL, "The peer sends too many records without data.") from None
            return None
        self.spent += _OF_DATA
        self.others = max(self.others - 1, 0)
        return data


def _wait() -> ssl.SSLWantReadError:
    return ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "There is no whole record to read, or it is another connection's turn.")
