"""Finds TLS records: each has its length in clear text. RFC 8446 §5.1."""

# The length of a header, and the maximum length of a record (RFC 5246 §6.2.3).
HEADER, _MAX = 5, 2**14 + 2048
# The maximum bytes of data in a record.
MAX_DATA = 2**14
_TYPES, _MAJOR_VERSION = range(20, 24), 3


def find_record(octets: bytes | bytearray, place: int) -> int:
    """The length of the record at place, 0 if it isn't complete. If the data isn't a record, its whole length: OpenSSL will report the error."""
    length = len(octets) - place
    if length < HEADER:
        return 0
    kind, major = octets[place], octets[place + 1]
    whole = HEADER + int.from_bytes(octets[place + 3 : place + HEADER])
    if kind not in _TYPES or major != _MAJOR_VERSION or whole > HEADER + _MAX:
        return length
    return whole if length >= whole else 0
