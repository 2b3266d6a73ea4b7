"""What TLS sends over a connection: records, of which each says in clear how long it is. RFC 8446 §5.1."""

# What one begins with, and how long it may be (RFC 5246 §6.2.3).
HEADER, _LONGEST = 5, 2**14 + 2048
# Octets of data in one.
MOST_DATA = 2**14
_TYPES, _MAJOR_VERSION = range(20, 24), 3


def find_record(octets: bytes | bytearray, place: int) -> int:
    """The length of the record that begins there, 0 if it isn't whole. Of what is no record, that of all: OpenSSL will say so."""
    length = len(octets) - place
    if length < HEADER:
        return 0
    kind, major = octets[place], octets[place + 1]
    whole = HEADER + int.from_bytes(octets[place + 3 : place + HEADER])
    if kind not in _TYPES or major != _MAJOR_VERSION or whole > HEADER + _LONGEST:
        return length
    return whole if length >= whole else 0
