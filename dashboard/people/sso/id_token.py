"""Checks an ID token: OpenID Connect Core 1.0 §3.1.3.7, each step in order, and always the signature (RFC 7515).

Left out on purpose: encrypted ID tokens, HMAC and none, audiences besides ours, and at_hash, because the access token comes in the same response over TLS.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from clients.public_key import ParsedPublicKey, fits
from oauth import jose
from oauth.jose import CLOCK_SKEW, SIGNATURE_ALGORITHMS, InvalidJWTError, ParsedJWT, is_time

# A token with a few hundred groups is this long.
MAX_LENGTH = 48 * 1024
# RFC 7515 §4.1.11, RFC 7797: these change how a token is read. A header that chooses a key doesn't matter, because only the issuer's own keys are used.
_REFUSED_HEADERS = ("crit", "b64", "zip")
MAX_TRIED_KEYS = 10


class InvalidIDTokenError(Exception):
    """Its text says what is wrong, for the operator's log, in words that follow “the ID token”."""


def verify(
    token: str, *, keys: Sequence[ParsedPublicKey], issuer: str, client_id: str, nonce: str, authenticated_since: datetime | None, now: datetime
) -> dict[str, Any]:
    """The token's claims. authenticated_since: the earliest time of the person's last proof, None for any. Raise InvalidIDTokenError."""
    try:
        parsed = jose.parse(token, most=MAX_LENGTH)
    except InvalidJWTError as error:
        raise InvalidIDTokenError(str(error)) from None
    _check_signature(parsed, keys)
    claims = parsed.unverified_claims
    _check_addressee(claims, issuer, client_id)
    _check_times(claims, now)
    if claims.get("nonce") != nonce:
        raise InvalidIDTokenError("has a nonce that isn't the request's: it was made for another sign-in")
    if authenticated_since is not None:
        proved_at = claims.get("auth_time")
        if not is_time(proved_at):
            raise InvalidIDTokenError("has no auth_time, so it doesn't say when the user authenticated. Make the provider include it")
        if proved_at < authenticated_since.timestamp() - CLOCK_SKEW:
            raise InvalidIDTokenError("has an auth_time from before this sign-in: the user didn't authenticate again")
    return claims


def _check_signature(parsed: ParsedJWT, keys: Sequence[ParsedPublicKey]) -> None:
    """The algorithm must fit the key, and the key must be the issuer's; the header only says which one to try."""
    header = parsed.unverified_header
    algorithm, kid = header.get("alg"), header.get("kid")
    if algorithm not in SIGNATURE_ALGORITHMS:
        raise InvalidIDTokenError("is signed with an algorithm that isn't accepted: make the provider sign it with its private key, for example by RS256")
    if any(name in header for name in _REFUSED_HEADERS):
        raise InvalidIDTokenError("has a header parameter that isn't accepted")
    fitting = [key for key in keys if fits(algorithm, key.algorithm) and kid in (None, key.kid)]
    for key in fitting[:MAX_TRIED_KEYS]:
        try:
            jose.verify_signature(parsed, key=key.key, algorithm=algorithm)
        except InvalidJWTError:
            continue
        return
    raise InvalidIDTokenError("isn't signed with one of the provider's keys")


def _check_addressee(claims: dict[str, Any], issuer: str, client_id: str) -> None:
    """(2) to (5). We don't know other audiences, so we don't trust them."""
    if claims.get("iss") != issuer:
        raise InvalidIDTokenError("is from another issuer")
    if claims.get("aud") not in (client_id, [client_id]):
        raise InvalidIDTokenError("isn't for this client, or not only for it")
    if claims.get("azp", client_id) != client_id:
        raise InvalidIDTokenError("was issued to another client")
    subject = claims.get("sub")
    # §2 allows 255 ASCII characters; the column of linked accounts takes 191.
    if not isinstance(subject, str) or not 1 <= len(subject) <= 191 or not subject.isascii() or not subject.isprintable():
        raise InvalidIDTokenError("has no sub of 1 to 191 visible ASCII characters")


def _check_times(claims: dict[str, Any], now: datetime) -> None:
    """(9), (10)."""
    seconds = now.timestamp()
    expires_at, issued_at, not_before = claims.get("exp"), claims.get("iat"), claims.get("nbf", 0)
    if not is_time(expires_at) or not is_time(issued_at) or not is_time(not_before):
        raise InvalidIDTokenError("has no exp or iat that is a number of seconds")
    if expires_at + CLOCK_SKEW <= seconds:
        raise InvalidIDTokenError("has expired. Compare the clocks of both machines")
    if max(issued_at, not_before) > seconds + CLOCK_SKEW:
        raise InvalidIDTokenError("is from the future. Compare the clocks of both machines")
