"""Signing and verifying JWTs, RFC 7515 and RFC 7519, and generating our own keys. Only this module uses PyJWT, and only its algorithms."""

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, TypeGuard

import jwt
import jwt.algorithms
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key

from clients import base64url
from clients.public_key import ED25519, name_in_keys, read_key

MAX_TOKEN_LENGTH = 8192

# The limits for assertions and proofs, which clients sign themselves. CLOCK_SKEW: seconds by which clients' clocks may be off.
MAX_JTI_LENGTH = 256
CLOCK_SKEW = 30

# The algorithms for assertions and proofs: RFC 7518 §3.1, RFC 8037 §3.1 and RFC 9864 §2.2, without HMAC and none.
SIGNATURE_ALGORITHMS = ("ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512", "EdDSA", ED25519)

# RFC 7515 §7.1: three parts in base64url without padding.
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_encode_json = json.JSONEncoder(separators=(",", ":")).encode


class InvalidJWTError(Exception):
    """Malformed, or not signed by that key. Its text says what is wrong and continues a sentence: “is longer than 8192 characters”."""


class ParsedJWT(NamedTuple):
    """A well-formed JWT. Nothing in it is verified yet."""

    unverified_header: dict[str, Any]
    unverified_claims: dict[str, Any]
    signing_input: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class GeneratedKey:
    """private_key: PKCS 8 DER, not encrypted. kid: the RFC 7638 thumbprint."""

    kid: str
    private_key: bytes
    public_jwk: dict[str, str]


def generate_private_key(algorithm: str) -> GeneratedKey:
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
    if algorithm == "ES256":
        key = ec.generate_private_key(ec.SECP256R1())
    elif algorithm == "RS256":
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    else:
        key = ed25519.Ed25519PrivateKey.generate()
    public = read_key(key.public_key())
    private_key = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return GeneratedKey(public.kid, private_key, {**public.public_jwk, "alg": algorithm})


def load_private_key(der: bytes) -> Any:
    return load_der_private_key(der, password=None)


def sign(claims: dict[str, Any], *, key: Any, algorithm: str, kid: str, typ: str) -> str:
    """RFC 7515 §3.1. The segments are put together here because PyJWT's own way takes as long as the signature, for every token."""
    signing_input = f"{header_segment(algorithm, kid, typ)}.{base64url.encode(_encode_json(claims).encode())}"
    return f"{signing_input}.{base64url.encode(_algorithm(algorithm).sign(signing_input.encode(), key))}"


@lru_cache(maxsize=64)
def header_segment(algorithm: str, kid: str, typ: str) -> str:
    """The first segment of every JWT that sign makes with that key."""
    return base64url.encode(_encode_json({"alg": algorithm, "typ": typ, "kid": kid}).encode())


@lru_cache(maxsize=16)
def _algorithm(name: str) -> jwt.algorithms.Algorithm:
    return jwt.get_algorithm_by_name(name_in_keys(name))


def parse(token: str, *, most: int = MAX_TOKEN_LENGTH) -> ParsedJWT:
    """Read a JWS in compact serialization whose header and payload are JSON objects without duplicate members (RFC 7515 §4, RFC 7519 §4), encoded as
    canonical base64url. most: characters. Raise InvalidJWTError.
    """
    if len(token) > most:
        raise InvalidJWTError(f"is longer than {most} characters")
    if not _COMPACT.fullmatch(token):
        raise InvalidJWTError("isn't three parts in base64url, joined by dots")
    try:
        header, payload, signature = (base64url.decode(part) for part in token.split("."))
    except ValueError:
        raise InvalidJWTError("has a part that isn't canonical base64url") from None
    return ParsedJWT(_parse_object(header), _parse_object(payload), token.rpartition(".")[0].encode(), signature)


def has_typ(header: dict[str, Any], *types: str) -> bool:
    """RFC 7515 §4.1.9: in upper or lower case, with or without “application/”. types: in lower case, without “application/”."""
    typ = header.get("typ")
    return isinstance(typ, str) and typ.lower().removeprefix("application/") in types


def is_time(value: object) -> TypeGuard[float]:
    """Whether the value is a NumericDate, RFC 7519 §2: seconds since 1970, perhaps a fraction, but not infinite and no larger than a float can represent
    exactly.
    """
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**53


def verify_signature(parsed: ParsedJWT, *, key: Any, algorithm: str) -> None:
    """The caller must make sure that key and algorithm fit each other. Raise InvalidJWTError."""
    if not _algorithm(algorithm).verify(parsed.signing_input, key, parsed.signature):
        raise InvalidJWTError("isn't signed by that key")


def _parse_object(content: bytes) -> dict[str, Any]:
    try:
        parsed = _decode_json(content.decode())
    except (ValueError, RecursionError):
        raise InvalidJWTError("has a part that isn't JSON in UTF-8") from None
    if not isinstance(parsed, dict):
        raise InvalidJWTError("has a part that isn't a JSON object")
    return parsed


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidJWTError("contains the same member twice")
    return members


def _refuse_constant(_constant: str) -> None:
    """NaN and Infinity aren't JSON."""
    raise ValueError


_decode_json = json.JSONDecoder(object_pairs_hook=_refuse_duplicates, parse_constant=_refuse_constant).decode
