"""Reads only the outline of a key in DER (X.690 §8.1), before OpenSSL sees it: some kinds of keys, and maliciously chosen numbers, cost OpenSSL seconds or
minutes, during which no other thread of the process runs.

The forms are PKCS 8 (RFC 5958 §2 and §3), PKCS 1 (RFC 8017 §A.1), SEC 1 (RFC 5915 §3), PKCS 12 (RFC 7292 §4) and SubjectPublicKeyInfo (RFC 5280 §4.1).
"""

from enum import IntEnum
from typing import NamedTuple

# An RSA private key of 8,192 bits takes less than 5 KB.
MAX_KEY_LENGTH = 8 * 1024
MAX_RSA_BITS = 8192
# Each bit of an exponent costs time at every signature. The usual exponent, 65537, has 17 bits.
MAX_RSA_EXPONENT = 2**17

_RSA = (bytes.fromhex("2a864886f70d010101"), bytes.fromhex("2a864886f70d01010a"))
# Keys on Ed25519 and similar curves have a fixed length. Of the EC curves, OpenSSL only gets named ones.
_QUICK = (bytes.fromhex("2a8648ce3d0201"), bytes.fromhex("2b6570"), bytes.fromhex("2b6571"))
# PKCS 5 and the schemes of PKCS 12 encrypt private keys. A PKCS 12 file contains PKCS 7.
_ENCRYPTION = (bytes.fromhex("2a864886f70d0105"), bytes.fromhex("2a864886f70d010c01"))
_PKCS7 = bytes.fromhex("2a864886f70d0107")
# RFC 5480 §2.1.1.1 and RFC 5639 §4.1: the named curves over a prime field. A point on any other may take OpenSSL seconds, and it can't be registered anyway.
_CURVES = frozenset(
    bytes.fromhex(f"06{len(oid) // 2:02x}{oid}")
    for oid in ("2a8648ce3d030107", "2b8104000a", "2b81040021", "2b81040022", "2b81040023", "2b2403030208010107", "2b240303020801010b", "2b240303020801010d")
)

# Bytes of an RSA key in DER besides its modulus: an exponent, tags and lengths.
_AROUND_RSA = 64
# The tag of a certificate's version: [0], constructed.
_VERSION = 0xA0


class _Tag(IntEnum):
    INTEGER = 0x02
    BIT_STRING = 0x03
    OCTET_STRING = 0x04
    OBJECT_IDENTIFIER = 0x06
    SEQUENCE = 0x30


class _Element(NamedTuple):
    tag: int
    content: bytes


def is_private_key(der: bytes) -> bool:
    """Whether content is a private key of any kind and length or a PKCS 12 file, encrypted or not, whole or cut off in its last part."""
    match _outline(der):
        # PKCS 12, which has version 3.
        case [_Element(tag=_Tag.INTEGER, content=b"\3"), _Element(tag=_Tag.SEQUENCE, content=inner), *_]:
            return _algorithm(inner).startswith(_PKCS7)
        # PKCS 8, then encrypted PKCS 8. A PKCS 1 digest looks like the latter except for its algorithm.
        case [_Element(tag=_Tag.INTEGER, content=b"\0" | b"\1"), _Element(tag=_Tag.SEQUENCE), _Element(tag=_Tag.OCTET_STRING), *_]:
            return True
        case [_Element(tag=_Tag.SEQUENCE, content=inner), _Element(tag=_Tag.OCTET_STRING), *_]:
            return _algorithm(inner).startswith(_ENCRYPTION)
        # SEC 1, then PKCS 1 and OpenSSL's own form of DSA.
        case [_Element(tag=_Tag.INTEGER, content=b"\1"), _Element(tag=_Tag.OCTET_STRING), *_]:
            return True
        case [_Element(tag=_Tag.INTEGER, content=b"\0"), _Element(tag=_Tag.INTEGER), _Element(tag=_Tag.INTEGER), _Element(tag=_Tag.INTEGER), *_]:
            return True
    return False


def is_quick_private_key(der: bytes) -> bool:
    """Whether OpenSSL reads the key quickly without its validity check. If not, a key of its kind or size can't be registered anyway."""
    if len(der) > MAX_KEY_LENGTH:
        return False
    match _outline(der):
        case [_Element(tag=_Tag.INTEGER, content=b"\0" | b"\1"), _Element(tag=_Tag.SEQUENCE, content=inner), _Element(tag=_Tag.OCTET_STRING, content=key), *_]:
            algorithm = _algorithm(inner)
            return _is_small_rsa(_outline(key)[1:]) if algorithm in _RSA else algorithm in _QUICK
        case [_Element(tag=_Tag.INTEGER, content=b"\1"), _Element(tag=_Tag.OCTET_STRING), *_]:
            return True
        case [_Element(tag=_Tag.INTEGER, content=b"\0"), *numbers]:
            # DSA has five numbers; RSA is recognised by having more.
            return len(numbers) == 8 and _is_small_rsa(numbers)
    return False


def is_quick_public_key(der: bytes) -> bool:
    """Like is_quick_private_key."""
    if len(der) > MAX_KEY_LENGTH:
        return False
    match _outline(der):
        case [_Element(tag=_Tag.SEQUENCE, content=inner), _Element(tag=_Tag.BIT_STRING, content=key)]:
            algorithm = _algorithm(inner)
            return _is_small_rsa(_outline(key[1:])) if algorithm in _RSA else algorithm in _QUICK
        case numbers:
            return len(numbers) == 2 and _is_small_rsa(numbers)


def is_quick_certificate(der: bytes) -> bool:
    """Whether OpenSSL reads the key in that X.509 certificate (RFC 5280 §4.1) quickly. Also False if OpenSSL might read the certificate differently."""
    whole = _read_strictly(der, 1)
    certificate = _read_strictly(whole[0].content, 3) if whole and whole[0].tag == _Tag.SEQUENCE else []
    body = _read_strictly(certificate[0].content, 10) if certificate and certificate[0].tag == _Tag.SEQUENCE else []
    # The version is optional. The serial number, the signature algorithm, the issuer, the validity, the subject and the key come next.
    place = 6 if body and body[0].tag == _VERSION else 5
    key = _read_strictly(body[place].content, 2) if len(body) > place and body[place].tag == _Tag.SEQUENCE else []
    if [element.tag for element in key] != [_Tag.SEQUENCE, _Tag.BIT_STRING]:
        return False
    algorithm = _read_strictly(key[0].content, 2)
    if not algorithm or algorithm[0].tag != _Tag.OBJECT_IDENTIFIER:
        return False
    if algorithm[0].content in _RSA:
        return len(key[1].content) <= MAX_RSA_BITS // 8 + _AROUND_RSA and _has_small_exponent(key[1].content[1:])
    if algorithm[0].content == _QUICK[0]:
        return key[0].content[2 + len(_QUICK[0]) :] in _CURVES
    return algorithm[0].content in _QUICK


def _read_strictly(content: bytes, most: int) -> list[_Element]:
    """The elements that fill content one after the other, each with a definite length and a one-byte tag; [] for anything else, or for too many."""
    elements: list[_Element] = []
    place = 0
    while place < len(content):
        tag, length = content[place], int.from_bytes(content[place + 1 : place + 2])
        place += 2
        if length > 0x80:
            octets = content[place : place + length - 0x80]
            place, length = place + len(octets), int.from_bytes(octets) if len(octets) <= 3 else len(content)
        elif length == 0x80:
            return []
        if tag & 0x1F == 0x1F or place + length > len(content) or len(elements) == most:
            return []
        elements.append(_Element(tag, content[place : place + length]))
        place += length
    return elements


def _is_small_rsa(numbers: list[_Element]) -> bool:
    """numbers: the modulus first."""
    return bool(numbers) and all(tag == _Tag.INTEGER for tag, _ in numbers) and len(numbers[0].content.lstrip(b"\0")) * 8 <= MAX_RSA_BITS


def _has_small_exponent(key: bytes) -> bool:
    """key: an RSA key in PKCS 1."""
    whole = _read_strictly(key, 1)
    numbers = _read_strictly(whole[0].content, 2) if whole and whole[0].tag == _Tag.SEQUENCE else []
    return [number.tag for number in numbers] == [_Tag.INTEGER, _Tag.INTEGER] and int.from_bytes(numbers[1].content) <= MAX_RSA_EXPONENT


def _algorithm(content: bytes) -> bytes:
    """The object identifier at the beginning of an AlgorithmIdentifier or a ContentInfo, b"" for none."""
    found = _read(content)
    return found[0].content if found and found[0].tag == _Tag.OBJECT_IDENTIFIER else b""


def _outline(der: bytes) -> list[_Element]:
    """The elements of the sequence, one level deep; [] if it isn't a sequence."""
    outer = _read(der)
    return _read(outer[0].content) if outer and outer[0].tag == _Tag.SEQUENCE else []


def _read(content: bytes, most: int = 12) -> list[_Element]:
    """Consecutive elements, of which the last may be cut off. most: the limit."""
    elements: list[_Element] = []
    place = 0
    while place + 2 <= len(content) and len(elements) < most:
        tag, length = content[place], content[place + 1]
        place += 2
        if length > 0x80:
            # X.690 §8.1.3.5: this many bytes contain the length.
            octets = content[place : place + length - 0x80]
            place += len(octets)
            length = int.from_bytes(octets)
        elements.append(_Element(tag, content[place : place + length]))
        place += length
    return elements
