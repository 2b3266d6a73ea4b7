"""What a TLS peer may send after its handshake: in TLS 1.3 one change of keys (RFC 8446 §4.6.3) after the other, and records of one octet.

OpenSSL goes through all that it is given at once, which takes 0.25 s if it is nothing but changes of keys. So it is given what comes in pieces, and what isn't
data is counted. A record costs as much as a hundred octets do, so few are read in one turn of the event loop. That costs a read 2 µs, and one of 60 KB 65.
"""

import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

# Octets that OpenSSL is given at once.
_PIECE = 4096
# Records with data that are read of one connection in one turn of the loop: 0.1 ms. So of records of one octet an HTTP request has too many parts.
_RECORDS = 32
# How many a peer may send that aren't data, which those of an unfinished record count among; for each record so many more, which is what it has around its
# data, and a sixteenth of that.
MOST_AROUND, AROUND_RECORD, AROUND_DATA = 20 * 1024, 100, 16


class BoundedTLS(ssl.SSLObject):
    """incoming: what OpenSSL reads. around: octets so far that weren't data, but for what each record may have. records: read in this turn of the loop.
    ask_for_turn: has another one begin, in which the loop reads on, for which it is_waiting.
    """

    incoming: ssl.MemoryBIO
    around = records = 0
    is_waiting = False
    ask_for_turn: Callable[[], None] | None = None

    def read(self, len: int = 1024, buffer: Any = None) -> Any:  # noqa: A002  # Python's name for it
        """As SSLObject's, but of several records. Raise SSLError if too much of what comes isn't data, SSLWantReadError also if others have their turn."""
        self.is_waiting = self.records >= _RECORDS and self.incoming.pending > 0
        if self.is_waiting:
            self.records = 0
            if self.ask_for_turn is not None:
                self.ask_for_turn()
            raise ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "Others have their turn.")
        try:
            return self._read_pieces(len, buffer)
        finally:
            if not self.incoming.pending:
                self.records = 0

    def unwrap(self) -> Any:
        """As SSLObject's, which takes data behind the end for an error."""
        if self.is_waiting:
            raise ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "What came before the end isn't read yet.")
        return super().unwrap()

    def _read_pieces(self, most: int, buffer: Any) -> Any:
        if self.incoming.pending <= _PIECE or buffer is not None:
            return self._read_piece(most, buffer)
        came = memoryview(self.incoming.read())
        place, found = 0, []
        try:
            # The last piece is left, by which uvloop sees that there may be more: the end, which no data stands for.
            while came.nbytes - place > _PIECE and self.records < _RECORDS:
                self.incoming.write(came[place : place + _PIECE])
                place += _PIECE
                with suppress(ssl.SSLWantReadError):
                    while self.records < _RECORDS and (data := self._read_piece(most)):
                        found.append(data)
        finally:
            self.incoming.write(came[place:])
        return b"".join(found) if found else self._read_piece(most)

    def _read_piece(self, most: int, buffer: Any = None) -> Any:
        before, octets = self.incoming.pending, 0
        try:
            data: Any = super().read(most, buffer)
            octets = len(data) if buffer is None else data
            self.records += octets > 0
            return data
        finally:
            allowed = AROUND_RECORD + octets // AROUND_DATA if octets else 0
            self.around = max(self.around + before - self.incoming.pending - octets - allowed, 0)
            if self.around > MOST_AROUND:
                raise ssl.SSLError(ssl.SSL_ERROR_SSL, "Too much of what the peer sends isn't data.")
