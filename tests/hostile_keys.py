"""Keys with maliciously chosen numbers, which take long to read."""

import base64
from random import Random

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.certificates import self_signed

# Mersenne primes: a primality test runs to its end.
PRIMES = (2**2203 - 1, 2**2281 - 1)
_OIDS = {"RSA": "2a864886f70d010101", "DSA": "2a8648ce380401", "DH": "2a864886f70d010301", "X9.42 DH": "2a8648ce3e0201", "EC": "2a8648ce3d0201"}
# Finding a square root modulo this prime takes 640² steps; it is the longest that OpenSSL accepts for a curve.
CURVE_PRIME = (0x1001D1 << 640) + 1
_numbers = Random(7)


def odd(bits: int) -> int:
    return _numbers.getrandbits(bits) | 1 | 1 << (bits - 1)


def tlv(tag: int, content: bytes) -> bytes:
    length = len(content)
    octets = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes([tag]) + (bytes([length]) if length < 0x80 else bytes([0x80 + len(octets)]) + octets) + content


def integer(number: int) -> bytes:
    return tlv(0x02, number.to_bytes(number.bit_length() // 8 + 1))


def sequence(*parts: bytes) -> bytes:
    return tlv(0x30, b"".join(parts))


def _parameters(kind: str, bits: int) -> bytes:
    p, g, q = (integer(odd(size)) for size in (bits, bits - 2, bits // 2))
    return {"DSA": sequence(p, q, g), "DH": sequence(p, g), "X9.42 DH": sequence(p, g, q)}[kind]


def _algorithm(kind: str, parameters: bytes) -> bytes:
    return sequence(tlv(0x06, bytes.fromhex(_OIDS[kind])), parameters)


def rsa_private(p: int = PRIMES[0], q: int = PRIMES[1]) -> bytes:
    """PKCS 1."""
    e, d = 65537, odd(4000)
    return sequence(*map(integer, (0, p * q, e, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))))


def private(kind: str, bits: int = 10_000) -> bytes:
    """PKCS 8."""
    if kind == "RSA":
        return sequence(integer(0), _algorithm("RSA", tlv(0x05, b"")), tlv(0x04, rsa_private()))
    return sequence(integer(0), _algorithm(kind, _parameters(kind, bits)), tlv(0x04, integer(odd(bits // 2 - 2))))


def public(kind: str, bits: int = 10_000) -> bytes:
    """SubjectPublicKeyInfo."""
    if kind == "RSA":
        return sequence(_algorithm("RSA", tlv(0x05, b"")), tlv(0x03, b"\0" + sequence(integer(odd(bits)), integer(odd(bits - 1)))))
    return sequence(_algorithm(kind, _parameters(kind, bits)), tlv(0x03, b"\0" + integer(odd(bits - 1))))


def _point() -> bytes:
    """A point of y² = x³ + 5, compressed: a reader has to find y. SEC 1 §2.3.3."""
    x = odd(640)
    while pow(x**3 + 5, (CURVE_PRIME - 1) // 2, CURVE_PRIME) != 1:
        x += 1
    return b"\2" + x.to_bytes(83)


def _curve() -> bytes:
    """RFC 3279 §2.3.5: a curve given by its numbers instead of its name."""
    prime = sequence(tlv(0x06, bytes.fromhex("2a8648ce3d0101")), integer(CURVE_PRIME))
    return sequence(integer(1), prime, sequence(tlv(0x04, b"\0"), tlv(0x04, b"\5")), tlv(0x04, _point()), integer(odd(651)))


def curve_public() -> bytes:
    """SubjectPublicKeyInfo."""
    return sequence(_algorithm("EC", _curve()), tlv(0x03, b"\0" + _point()))


def curve_private() -> dict[str, bytes]:
    number, point = tlv(0x04, odd(640).to_bytes(83)), tlv(0xA1, tlv(0x03, b"\0" + _point()))
    return {
        "SEC 1": sequence(integer(1), number, tlv(0xA0, _curve()), point),
        "PKCS 8": sequence(integer(0), _algorithm("EC", _curve()), tlv(0x04, sequence(integer(1), number, point))),
    }


def certificate(spki: bytes) -> bytes:
    """A certificate in which another key replaces its own. Its signature isn't checked."""
    made = self_signed("billing-sync")
    own = made.certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    body = made.certificate.tbs_certificate_bytes
    place = body.index(own)
    inner = body[4:] if body[1] == 0x82 else body[3:] if body[1] == 0x81 else body[2:]
    place = inner.index(own)
    signed = sequence(inner[:place] + spki + inner[place + len(own) :])
    algorithm = made.der[len(body) + 4 :][: 2 + made.der[len(body) + 5]]
    return sequence(signed, algorithm, tlv(0x03, b"\0" + made.certificate.signature))


def pem(label: str, der: bytes) -> str:
    return f"-----BEGIN {label}-----\n{base64.encodebytes(der).decode()}-----END {label}-----\n"
