"""Limits how much a worker keeps of responses that peers haven't taken yet: beyond the limit, peers are cut off, beginning with those that haven't taken data
for the longest time.

Peers that read their responses promptly aren't affected.
"""

from typing import Any

# Bytes of a response that are sent at once: one TLS record. TLS keeps this buffer as long as the connection is open.
PART = 16 * 1024
# Bytes that a connection keeps if its peer doesn't read: parts in clear text and encrypted, and the buffers of TLS and HTTP.
UNDER_WAY = 128 * 1024
# Bytes for all connections.
MAX = 32 * 1024 * 1024


class Unsent:
    def __init__(self) -> None:
        self.octets = 0
        self._waiting: dict[Any, int] = {}

    def add(self, connection: Any, octets: int) -> None:
        """Call it when a peer stops reading. octets: bytes of its response in memory, in addition to UNDER_WAY."""
        self.remove(connection)
        self._waiting[connection] = UNDER_WAY + octets
        self.octets += UNDER_WAY + octets
        while self.octets > MAX and len(self._waiting) > 1:
            longest = next(iter(self._waiting))
            self.remove(longest)
            longest.transport.abort()

    def remove(self, connection: Any) -> None:
        """Call it when the peer continues or is gone. It may be called more than once."""
        self.octets -= self._waiting.pop(connection, 0)
