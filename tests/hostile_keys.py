"""Keys whose numbers somebody chose so that whoever reads them computes for long."""

import base64
from random import Random

# Mersenne primes: a test of whether they are prime runs to its end.
PRIMES = (2**2203 - 1, 2**2281 - 1)
_OIDS = {"RSA": "2a864886f70d010101", "DSA": "2a8648ce380401", "DH": "2a864886f70d010301", "X9.42 DH": "2a8648ce3e0201", "EC": "2a8648ce3d0201"}
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


def pem(label: str, der: bytes) -> str:
    return f"-----BEGIN {label}-----\n{base64.encodebytes(der).decode()}-----END {label}-----\n"
