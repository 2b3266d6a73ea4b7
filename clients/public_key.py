"""Public keys as people submit them: a PEM key or certificate, a JWK or a JWK Set (RFC 7517, RFC 7518 §6, RFC 8037 §2). Signing keys only.

A private key is refused with a warning and never repeated. From a certificate only the key and the expiry are used, and the issuer doesn't matter.
"""

import hashlib
import json
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from django.core.exceptions import ValidationError

from clients import base64url, der
from clients.certificate import find_public_key, load_certificate

MAX_LENGTH = 64 * 1024
MAX_KEYS = 20
# A limit for a published set, which may contain other keys, and the keys of several clients.
MAX_PUBLISHED_KEYS = 50
# At most this many entries of such a set are read, because even an entry that isn't a key takes time.
MAX_PUBLISHED_ENTRIES = 200

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

RSA_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
# RFC 7518 §3.4 and §6.2.1: the curve determines the algorithm and the length of its coordinates in bytes.
_CURVES: dict[str, tuple[str, ec.EllipticCurve, int]] = {
    "P-256": ("ES256", ec.SECP256R1(), 32),
    "P-384": ("ES384", ec.SECP384R1(), 48),
    "P-521": ("ES512", ec.SECP521R1(), 66),
}
ALGORITHMS = ("ES256", "ES384", "ES512", *RSA_ALGORITHMS, "EdDSA")
# RFC 9864 §2.2: the newer name of EdDSA with the only curve that is accepted here. Keys are always stored with the older name.
ED25519 = "Ed25519"

# RFC 7638 §3.2, RFC 8037 §2, and the members that only a private key or a shared secret has (RFC 7518 §6).
_THUMBPRINT_MEMBERS = {"EC": ("crv", "x", "y"), "RSA": ("e", "n"), "OKP": ("crv", "x")}
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_PRIVATE_TEXT = re.compile(r'PRIVATE[ -]KEY|Private-Lines|"(?:d|p|q|dp|dq|qi|oth|k)"\s*:')

_PEM = re.compile(r"-----BEGIN ((?:RSA )?PUBLIC KEY|CERTIFICATE)-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END \1-----\s*")
_KID = re.compile(r"[!-~]{1,100}")

_MIN_RSA_BITS = 2048
# FIPS 186-5 §A.1.1 requires an odd exponent above 2^16.
_MIN_RSA_EXPONENT = 65537

# The y coordinates of the eight Ed25519 points of order 1, 2, 4 or 8, also in their second encoding: with such a key, forged signatures verify.
_ED25519_PRIME = 2**255 - 19
_ED25519_WEAK = frozenset(
    {
        0,
        1,
        _ED25519_PRIME - 1,
        _ED25519_PRIME,
        _ED25519_PRIME + 1,
        int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
        int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"),
    }
)

_PRIVATE_KEY_GIVEN = (
    "This contains a private key or a shared secret. Treat it as compromised. Nothing was registered. "
    "Destroy it, make a new key pair and register only the public key."
)


class ParsedPublicKey(NamedTuple):
    """kid: the JWK's own, or else the thumbprint. algorithm: the only one that it may sign with, "" for an RSA key that may use any of RSA_ALGORITHMS.

    public_jwk: with kid, use, and alg if there is one. thumbprint: RFC 7638, SHA-256. key: the object that verifies signatures. expires_at: when the
    certificate that contained it expires, None without a certificate.
    """

    kid: str
    algorithm: str
    public_jwk: dict[str, str]
    thumbprint: str
    key: PublicKey
    expires_at: datetime | None = None


def name_in_keys(algorithm: str) -> str:
    """The name that ParsedPublicKey.algorithm uses for an algorithm."""
    return "EdDSA" if algorithm == ED25519 else algorithm


def fits(algorithm: str, key_algorithm: str) -> bool:
    """Whether a key with key_algorithm (as in ParsedPublicKey) may sign with algorithm."""
    return name_in_keys(algorithm) in ((key_algorithm,) if key_algorithm else RSA_ALGORITHMS)


def is_kid(text: str) -> bool:
    """Whether the text is a valid kid: 1 to 100 visible ASCII characters."""
    return _KID.fullmatch(text) is not None


def read_public_keys(text: str) -> list[ParsedPublicKey]:
    """The keys of a file, at least one. Raise ValidationError, which never repeats the text."""
    text = _clean(text)
    if text[:1] in ("{", "["):
        keys = _read_json_keys(text)
    elif "-----BEGIN" in text:
        keys = [_read_pem(text)]
    else:
        raise ValidationError(
            "This isn't a PEM public key, a certificate, a JWK or a JWK Set. "
            "For a PEM public key, run “openssl pkey -in private.pem -pubout”, or “ssh-keygen -e -m pkcs8 -f key.pub” for a key from ssh-keygen.",
            code="not_a_public_key",
        )
    for name, values in (("kid", [key.kid for key in keys]), ("key", [key.thumbprint for key in keys])):
        if len(set(values)) != len(values):
            raise ValidationError(f"The set has the same {name} twice. Include each key once, with its own kid.", code="repeated_key")
    return keys


def read_published_keys(content: bytes) -> list[ParsedPublicKey]:
    """The usable keys among the first entries of a published JWK Set; others are ignored (RFC 7517 §5). Raise ValidationError if the text isn't a set."""
    try:
        value = json.loads(content.decode(), object_pairs_hook=_drop_duplicates)
    except (ValueError, RecursionError):
        value = None
    jwks = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(jwks, list):
        raise ValidationError("It isn't a JWK Set.", code="not_a_public_key")
    keys: list[ParsedPublicKey] = []
    for jwk in jwks[:MAX_PUBLISHED_ENTRIES]:
        if len(keys) == MAX_PUBLISHED_KEYS:
            break
        with suppress(ValidationError):
            keys.append(read_jwk(jwk))
    return keys


def read_jwk(jwk: object) -> ParsedPublicKey:
    """Raise ValidationError."""
    if not isinstance(jwk, Mapping):
        raise ValidationError("A JWK is a JSON object.", code="not_a_public_key")
    if jwk.get("kty") == "oct" or not _PRIVATE_MEMBERS.isdisjoint(jwk):
        raise ValidationError(_PRIVATE_KEY_GIVEN, code="private_key")
    _check_purpose(jwk)
    algorithm, members, key = _read_members(jwk)
    thumbprint = _thumbprint(members)
    kid = jwk.get("kid", thumbprint)
    if not isinstance(kid, str) or not is_kid(kid):
        raise ValidationError("The kid must be 1 to 100 visible ASCII characters without spaces. You can also leave it out.", code="invalid_kid")
    return ParsedPublicKey(kid, algorithm, {**members, "kid": kid, "use": "sig", **({"alg": algorithm} if algorithm else {})}, thumbprint, key)


def read_key(key: object) -> ParsedPublicKey:
    """key: an object of the library cryptography. Raise ValidationError."""
    return read_jwk(_to_jwk(key))


@lru_cache(maxsize=4096)
def load_public_key(public_jwk: str) -> PublicKey:
    """public_jwk: JSON as in ParsedPublicKey. Cached by its content, so it can't be out of date."""
    jwk = json.loads(public_jwk)
    return _LOADERS[jwk["kty"]](jwk)


def refuse_private_der(content: bytes) -> None:
    """Raise ValidationError if content is a private key in DER, encrypted or not."""
    if der.is_private_key(content):
        raise ValidationError(_PRIVATE_KEY_GIVEN, code="private_key")


def holds_private_key(content: bytes) -> bool:
    """Whether the text contains a private key in any recognisable form, whole or cut off."""
    return _PRIVATE_TEXT.search(content.decode(errors="replace")) is not None or der.is_private_key(content)


def _clean(text: str) -> str:
    if _PRIVATE_TEXT.search(text):
        raise ValidationError(_PRIVATE_KEY_GIVEN, code="private_key")
    if len(text) > MAX_LENGTH:
        raise ValidationError("The file is longer than 64 KiB, so it isn't a public key. Submit only the public key.", code="too_long")
    # Windows editors begin a file with a byte order mark.
    return text.removeprefix("\N{BYTE ORDER MARK}").strip()


def _read_pem(text: str) -> ParsedPublicKey:
    match = _PEM.fullmatch(text)
    if match is None:
        raise ValidationError(
            "The file must contain only one PEM public key, or one certificate without its chain, from its -----BEGIN line to its -----END line.",
            code="not_a_public_key",
        )
    try:
        content = b64decode("".join(match[2].split()), validate=True)
        if match[1] == "CERTIFICATE":
            certificate = load_certificate(content)
            return read_key(find_public_key(certificate))._replace(expires_at=certificate.not_valid_after_utc)
        if not der.is_quick_public_key(content):
            raise ValidationError(f"The PEM contains no key of a kind and size that can be used here. {_ACCEPTED}", code="unsupported_key")
        key = load_der_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        raise ValidationError("The PEM is damaged, or this kind of key can't be used here. " + _ACCEPTED, code="invalid_key") from None
    return read_key(key)


_UNSAFE_RSA = "The RSA key's modulus or exponent is unsafe. Make one with the usual exponent 65537."
_ACCEPTED = "Use a P-256, P-384, P-521 or Ed25519 key, or an RSA key of 2048 to 8192 bits."


def _to_jwk(key: object) -> dict[str, str]:
    match key:
        case rsa.RSAPublicKey():
            numbers = key.public_numbers()
            return {"kty": "RSA", "n": _encode_integer(numbers.n), "e": _encode_integer(numbers.e)}
        case ec.EllipticCurvePublicKey():
            name = next((name for name, (_, curve, _) in _CURVES.items() if curve.name == key.curve.name), key.curve.name)
            length = (key.curve.key_size + 7) // 8
            point = key.public_numbers()
            return {"kty": "EC", "crv": name, "x": base64url.encode(point.x.to_bytes(length)), "y": base64url.encode(point.y.to_bytes(length))}
        case ed25519.Ed25519PublicKey():
            return {"kty": "OKP", "crv": "Ed25519", "x": base64url.encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw))}
    raise ValidationError(f"A key of this kind can't sign. {_ACCEPTED}", code="unsupported_key")


def _read_json_keys(text: str) -> list[ParsedPublicKey]:
    value = _decode_json(text)
    if not isinstance(value, dict) or "keys" not in value:
        return [read_jwk(value)]
    jwks = value["keys"]
    if not isinstance(jwks, list) or not jwks:
        raise ValidationError("The JWK Set contains no key.", code="not_a_public_key")
    if len(jwks) > MAX_KEYS:
        raise ValidationError(f"The JWK Set has {len(jwks):,} keys. Register up to {MAX_KEYS} at once.", code="too_many_keys")
    return [read_jwk(jwk) for jwk in jwks]


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if not _PRIVATE_MEMBERS.isdisjoint(members):
        raise ValidationError(_PRIVATE_KEY_GIVEN, code="private_key")
    if len(members) != len(pairs):
        raise ValidationError("The JWK has the same member twice. Leave one out.", code="repeated_member")
    return members


def _drop_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any] | None:
    members = dict(pairs)
    return members if len(members) == len(pairs) else None


def _decode_json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_refuse_duplicates)
    except (ValueError, RecursionError):
        raise ValidationError("The JSON of the JWK is damaged.", code="not_a_public_key") from None


def _check_purpose(jwk: Mapping[str, Any]) -> None:
    """RFC 7517 §4.2 and §4.3."""
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        raise ValidationError("The key's use or key_ops says that it isn't for signatures. Make one with use “sig”.", code="wrong_use")


def _read_members(jwk: Mapping[str, Any]) -> tuple[str, dict[str, str], PublicKey]:
    """The algorithm ("" for any RSA algorithm), the members that define the key, and the key."""
    kty, alg = jwk.get("kty"), jwk.get("alg")
    if not isinstance(kty, str) or kty not in _LOADERS:
        raise ValidationError(f"The JWK's kty must be EC, RSA or OKP. {_ACCEPTED}", code="unsupported_key")
    members = {"kty": kty, **{name: _text(jwk, name) for name in _THUMBPRINT_MEMBERS[kty]}}
    try:
        key = _LOADERS[kty](members)
    except ValueError:
        raise ValidationError("The numbers aren't a valid key: the point isn't on the curve, or the key is damaged.", code="invalid_key") from None
    # A stored key isn't checked when it is loaded: it may have been registered when larger exponents were accepted, and still works.
    if isinstance(key, rsa.RSAPublicKey) and key.public_numbers().e > der.MAX_RSA_EXPONENT:
        raise ValidationError(_UNSAFE_RSA, code="weak_key")
    allowed = RSA_ALGORITHMS if kty == "RSA" else (_CURVES[members["crv"]][0] if kty == "EC" else "EdDSA",)
    if alg is not None and name_in_keys(alg) not in allowed:
        raise ValidationError(f"The JWK's alg doesn't fit the key, which signs with {', '.join(allowed)}.", code="wrong_algorithm")
    return name_in_keys(alg or "") or (allowed[0] if len(allowed) == 1 else ""), members, key


def _text(jwk: Mapping[str, Any], name: str) -> str:
    value = jwk.get(name)
    if not isinstance(value, str):
        raise ValidationError(f"The JWK has no {name}, or it isn't a string.", code="invalid_key")
    return value


def _load_ec(jwk: Mapping[str, str]) -> ec.EllipticCurvePublicKey:
    if jwk["crv"] not in _CURVES:
        raise ValidationError(f"The key's curve can't be used here. {_ACCEPTED}", code="unsupported_key")
    _, curve, length = _CURVES[jwk["crv"]]
    x, y = _decode(jwk["x"]), _decode(jwk["y"])
    if len(x) != length or len(y) != length:
        raise ValidationError(f"The coordinates of a {jwk['crv']} key must be {length} bytes each (RFC 7518 §6.2.1).", code="invalid_key")
    return ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), curve).public_key()


def _load_rsa(jwk: Mapping[str, str]) -> rsa.RSAPublicKey:
    n, e = _decode(jwk["n"]), _decode(jwk["e"])
    if n[0] == 0 or e[0] == 0:
        raise ValidationError("An RSA key's numbers must not have leading zero bytes (RFC 7518 §6.3.1).", code="invalid_key")
    modulus, exponent = int.from_bytes(n), int.from_bytes(e)
    if not _MIN_RSA_BITS <= modulus.bit_length() <= der.MAX_RSA_BITS:
        raise ValidationError(f"An RSA key of {modulus.bit_length()} bits can't be used. {_ACCEPTED}", code="weak_key")
    if exponent < _MIN_RSA_EXPONENT or not exponent % 2 or not modulus % 2:
        raise ValidationError(_UNSAFE_RSA, code="weak_key")
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _load_okp(jwk: Mapping[str, str]) -> ed25519.Ed25519PublicKey:
    if jwk["crv"] != "Ed25519":
        raise ValidationError(f"The key's curve can't be used here. {_ACCEPTED}", code="unsupported_key")
    x = _decode(jwk["x"])
    if int.from_bytes(x, "little") % 2**255 in _ED25519_WEAK:
        raise ValidationError("Anybody could forge signatures for this Ed25519 key. Make a new one.", code="weak_key")
    return ed25519.Ed25519PublicKey.from_public_bytes(x)


_LOADERS: dict[str, Callable[[Mapping[str, str]], PublicKey]] = {"EC": _load_ec, "RSA": _load_rsa, "OKP": _load_okp}


def _decode(text: str) -> bytes:
    """Decode at least one byte. Only canonical base64url is accepted, so that a key has only one spelling."""
    try:
        octets = base64url.decode(text)
    except ValueError:
        octets = b""
    if not octets:
        raise ValidationError("A number in the JWK isn't canonical base64url without padding (RFC 7515 §2).", code="invalid_key")
    return octets


def _encode_integer(number: int) -> str:
    return base64url.encode(number.to_bytes((number.bit_length() + 7) // 8))


def _thumbprint(members: Mapping[str, str]) -> str:
    """RFC 7638 §3."""
    return base64url.encode(hashlib.sha256(json.dumps(members, separators=(",", ":"), sort_keys=True).encode()).digest())
