"""What peers haven't taken yet of their answers: of a worker so much is kept, and then those are cut off that have taken nothing for the longest time.

Who reads soon isn't among them, so nobody is refused an answer because others don't read theirs.
"""

from typing import Any

# Octets of an answer that are sent at once: one TLS record. TLS keeps the room that it takes for them for as long as a connection is open.
PART = 16 * 1024
# What a connection keeps whose peer takes nothing, in octets: parts in clear and encrypted, and what TLS and HTTP keep of it.
UNDER_WAY = 128 * 1024
# Octets of all connections.
MOST = 32 * 1024 * 1024


class Unsent:
    def __init__(self) -> None:
        self.octets = 0
        self._waiting: dict[Any, int] = {}

    def add(self, connection: Any, octets: int) -> None:
        """Its peer takes nothing more for now. octets: of its answer that are in memory, beside what every one keeps."""
        self.remove(connection)
        self._waiting[connection] = UNDER_WAY + octets
        self.octets += UNDER_WAY + octets
        while self.octets > MOST and len(self._waiting) > 1:
            longest = next(iter(self._waiting))
            self.remove(longest)
            longest.transport.abort()

    def remove(self, connection: Any) -> None:
        """It goes on, or is gone. May be called again."""
        self.octets -= self._waiting.pop(connection, 0)
