"""DPoP proofs: they show that the sender of a request holds a key. RFC 9449 §4."""

import hashlib
import json
import math
import re
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError

from clients import base64url
from clients.foreign_text import shown, shown_path
from clients.public_key import ParsedPublicKey, fits, read_jwk
from oauth import jose, reasons
from oauth.dpop_nonce import is_fresh
from oauth.jose import CLOCK_SKEW, MAX_JTI_LENGTH, is_time
from oauth.messages import Request
from oauth.reasons import Reason
from oauth.replay import is_used, use_once

# Seconds.
MAX_AGE = 60


# Header parameters that carry a key in another way, and extensions that change what is signed or must be understood (RFC 7515 §4.1, RFC 7797).
_REFUSED_PARAMETERS = frozenset({"b64", "crit", "jku", "x5c", "x5t", "x5t#S256", "x5u"})
_DEFAULT_PORTS = {"http": 80, "https": 443}
# RFC 3986 §2.
_URL = re.compile(r"(?:[!#$&-;=?-Z_a-z~\[\]]|%[0-9A-Fa-f]{2})+")
_PERCENT_ENCODED = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")


class InvalidProofError(Exception):
    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.code)
        self.reason = reason


class StaleNonceError(Exception):
    """The proof is valid except for its nonce."""


class OtherKeyError(Exception):
    """The proof is valid but signed by the wrong key."""


class Target(NamedTuple):
    """The request that a proof is for. url: without query and fragment."""

    method: str
    url: str


def own_target(request: Request) -> Target:
    """The URL is our own, not built from the caller's Host: a proof for another server must not be accepted here."""
    return Target(request.method, settings.ISSUER_URL + request.encoded_path)


def accept_proof(request: Request, target: Target, *, access_token: str | None = None, expected_jkt: str | None = None) -> str:
    """The RFC 7638 thumbprint of the key that signed the request's proof, if all of §4.3 holds. This uses up the proof.

    access_token: the one in the request. expected_jkt: None for any key. Raise InvalidProofError, StaleNonceError, OtherKeyError.
    """
    jkt, claims = check_proof(request, target, access_token=access_token, expected_jkt=expected_jkt)
    # This check comes last, so that a refused proof may be sent again.
    _use(request, jkt, claims)
    return jkt


def check_proof(request: Request, target: Target, *, access_token: str | None = None, expected_jkt: str | None = None) -> tuple[str, dict[str, Any]]:
    """Like accept_proof, but without checking whether it was used before. Also returns its claims."""
    proof = request.headers.get("dpop")
    if proof is None:
        raise InvalidProofError(reasons.DPOP_PROOF_MISSING.say())
    jkt, claims = _verify(proof)
    reason = _find_reason_in_target(claims, target) or _find_reason_in_claims(claims, access_token, request.now)
    if reason is not None:
        raise InvalidProofError(reason)
    if settings.DPOP_NONCE and not is_fresh(claims.get("nonce"), now=request.now):
        raise StaleNonceError
    if expected_jkt not in (None, jkt):
        raise OtherKeyError
    return jkt, claims


def _verify(proof: str) -> tuple[str, dict[str, Any]]:
    """The thumbprint of the key in its header, which signed it, and its unchecked claims."""
    if "," in proof:
        raise InvalidProofError(reasons.DPOP_PROOF_REPEATED.say())
    try:
        parsed = jose.parse(proof)
    except jose.InvalidJWTError as error:
        raise InvalidProofError(reasons.DPOP_PROOF_MALFORMED.say(problem=error)) from None
    key = _read_header(parsed.unverified_header)
    try:
        jose.verify_signature(parsed, key=key.key, algorithm=parsed.unverified_header["alg"])
    except jose.InvalidJWTError:
        raise InvalidProofError(reasons.DPOP_PROOF_SIGNATURE.say()) from None
    return key.thumbprint, parsed.unverified_claims


def _use(request: Request, jkt: str, claims: dict[str, Any]) -> None:
    """§11.1. Raise InvalidProofError unless this is its first use."""
    if not use_once(request, "dpop", jkt, claims["jti"], issued_at=_earliest_use(claims), expires_at=_latest_use(claims)):
        raise InvalidProofError(reasons.DPOP_PROOF_REPLAYED.say())


def was_used(jkt: str, claims: dict[str, Any], now: datetime) -> bool:
    """Whether a valid proof would be refused as used."""
    return is_used("dpop", jkt, claims["jti"], issued_at=_earliest_use(claims), expires_at=_latest_use(claims), now=now)


def _earliest_use(claims: dict[str, Any]) -> int:
    return int(claims["iat"]) - CLOCK_SKEW


def _latest_use(claims: dict[str, Any]) -> int:
    issued_at: int = math.ceil(claims["iat"])
    return issued_at + MAX_AGE + CLOCK_SKEW


def _read_header(header: dict[str, Any]) -> ParsedPublicKey:
    """§4.2. The algorithm must fit the key, even if the header names another one."""
    if not jose.has_typ(header, "dpop+jwt"):
        raise InvalidProofError(reasons.DPOP_PROOF_TYP.say())
    if not _REFUSED_PARAMETERS.isdisjoint(header):
        raise InvalidProofError(reasons.DPOP_PROOF_HEADER.say())
    key = _read_key(header.get("jwk"))
    if not fits(str(header.get("alg")), key.algorithm):
        raise InvalidProofError(reasons.DPOP_PROOF_ALGORITHM.say())
    return key


def _read_key(jwk: object) -> ParsedPublicKey:
    if not isinstance(jwk, dict) or not all(_is_flat(value) for value in jwk.values()):
        raise InvalidProofError(reasons.DPOP_PROOF_WITHOUT_KEY.say())
    try:
        return _load_key(json.dumps(jwk))
    except ValidationError as error:
        if error.code == "private_key":
            raise InvalidProofError(reasons.DPOP_PROOF_PRIVATE_KEY.say()) from None
        raise InvalidProofError(reasons.DPOP_PROOF_KEY.say(problem=error.message)) from None


def _is_flat(value: object) -> bool:
    """Whether the key has no nested values, like every parameter in RFC 7517 §4. Deeply nested JSON would be expensive to serialise again."""
    return isinstance(value, str | bool) or (isinstance(value, list) and all(isinstance(item, str) for item in value))


@lru_cache(maxsize=1024)
def _load_key(jwk: str) -> ParsedPublicKey:
    """jwk: JSON. Cached by its content, so it can't be out of date. Raise ValidationError."""
    return read_jwk(json.loads(jwk))


def _find_reason_in_target(claims: dict[str, Any], target: Target) -> Reason | None:
    """§4.3 (8) and (9)."""
    if claims.get("htm") != target.method:
        return reasons.DPOP_PROOF_METHOD.say(method=shown(target.method))
    url = claims.get("htu")
    if not isinstance(url, str) or not _is_same_url(url, target.url):
        return reasons.DPOP_PROOF_URL.say(url=_shown_url(target.url))
    return None


def _shown_url(url: str) -> str:
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host}{slash}{shown_path(path)}"


def _find_reason_in_claims(claims: dict[str, Any], access_token: str | None, now: datetime) -> Reason | None:
    """§4.3 (3), (11) and (12)."""
    jti, issued_at, moment = claims.get("jti"), claims.get("iat"), now.timestamp()
    if not isinstance(jti, str) or not 0 < len(jti) <= MAX_JTI_LENGTH:
        return reasons.DPOP_PROOF_JTI.say()
    if not is_time(issued_at) or not moment - MAX_AGE - CLOCK_SKEW <= issued_at <= moment + CLOCK_SKEW:
        return reasons.DPOP_PROOF_TIME.say()
    expires_at, not_before = claims.get("exp", moment), claims.get("nbf", moment)
    if not is_time(expires_at) or not is_time(not_before) or expires_at + CLOCK_SKEW < moment or not_before - CLOCK_SKEW > moment:
        return reasons.DPOP_PROOF_LIMITS.say()
    if access_token is not None and claims.get("ath") != _hash(access_token):
        return reasons.DPOP_PROOF_TOKEN.say()
    return None


def _hash(access_token: str) -> str:
    """§4.2. The token is ASCII: any other isn't ours and was refused before."""
    return base64url.encode(hashlib.sha256(access_token.encode()).digest())


def _is_same_url(url: str, other: str) -> bool:
    normalized = _normalize(url)
    return normalized is not None and normalized == _normalize(other)


def _normalize(url: str) -> str | None:
    """The URL normalized by syntax and scheme (RFC 3986 §6.2.2 and §6.2.3), without query and fragment. None if it isn't an http or https URL."""
    if not _URL.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    authority = host if port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{host}:{port}"
    return f"{parts.scheme}://{authority}{_remove_dot_segments(_PERCENT_ENCODED.sub(_normalize_octet, parts.path))}"


def _normalize_octet(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if _UNRESERVED.fullmatch(character) else match[0].upper()


def _remove_dot_segments(path: str) -> str:
    """RFC 3986 §5.2.4, for a path that is empty or begins with a slash."""
    kept: list[str] = []
    for segment in path.split("/")[1:]:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if path.endswith(("/.", "/..")):
        kept.append("")
    return "/" + "/".join(kept)
