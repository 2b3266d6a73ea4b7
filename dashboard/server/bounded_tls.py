"""What a TLS peer may send after its handshake beside data: in TLS 1.3 one change of keys (RFC 8446 §4.6.3) after the other.

OpenSSL goes through all that it is given at once, which takes 0.25 s if it is nothing but changes of keys. So it is given what comes in pieces, and what isn't
data is counted. That costs a read 2 µs, and one of 60 KB 65.
"""

import ssl
from contextlib import suppress
from typing import Any

# Octets that OpenSSL is given at once.
_PIECE = 4096
# How many a peer may send that aren't data, which those of an unfinished record count among; for each record so many more, which is what it has around its
# data, and a sixteenth of that.
MOST_AROUND, AROUND_RECORD, AROUND_DATA = 20 * 1024, 100, 16


class BoundedTLS(ssl.SSLObject):
    """incoming: what OpenSSL reads. around: octets so far that weren't data, but for what each record may have."""

    incoming: ssl.MemoryBIO
    around = 0

    def read(self, len: int = 1024, buffer: Any = None) -> Any:  # noqa: A002  # Python's name for it
        """As SSLObject's, but of several records. Raise SSLError if too much of what comes isn't data."""
        if self.incoming.pending <= _PIECE or buffer is not None:
            return self._read_piece(len, buffer)
        came = memoryview(self.incoming.read())
        place, found = 0, []
        try:
            # The last piece is left, by which uvloop sees that there may be more: the end, which no data stands for.
            while came.nbytes - place > _PIECE:
                self.incoming.write(came[place : place + _PIECE])
                place += _PIECE
                with suppress(ssl.SSLWantReadError):
                    while data := self._read_piece(len):
                        found.append(data)
        finally:
            self.incoming.write(came[place:])
        return b"".join(found) if found else self._read_piece(len)

    def _read_piece(self, most: int, buffer: Any = None) -> Any:
        before, octets = self.incoming.pending, 0
        try:
            data: Any = super().read(most, buffer)
            octets = len(data) if buffer is None else data
            return data
        finally:
            allowed = AROUND_RECORD + octets // AROUND_DATA if octets else 0
            self.around = max(self.around + before - self.incoming.pending - octets - allowed, 0)
            if self.around > MOST_AROUND:
                raise ssl.SSLError(ssl.SSL_ERROR_SSL, "Too much of what the peer sends isn't data.")
