"""What a client assertion must say: RFC 7523 §3, with the audience rule of draft-ietf-oauth-rfc7523bis, OpenID Connect Core §9, FAPI 2.0 §5.3.2.1.

Pure: a parsed JWT in, a Reason or None out. Who signed it is oauth.private_key_jwt's. Left out on purpose: any rule about iat's age; exp bounds a life.
"""

import math
from datetime import datetime
from typing import Any

from clients.foreign_text import shown
from oauth.errors import Reason
from oauth.jose import CLOCK_SKEW, MAX_JTI_LENGTH, SIGNATURE_ALGORITHMS, has_typ, is_time

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MAX_LIFETIME = 600

# Each brings a key along or changes how the rest is read. RFC 7515 §4.1.2 to §4.1.6 and §4.1.11, RFC 7797 §3.
_REFUSED_HEADERS = ("crit", "b64", "jwk", "jku", "x5u", "x5c")


def find_reason_in_header(header: dict[str, Any]) -> Reason | None:
    refused = [name for name in _REFUSED_HEADERS if name in header]
    if refused:
        return Reason("assertion_header_refused", f"The assertion's header has {', '.join(refused)}. Leave it out: the key is the one that is registered.")
    # draft-ietf-oauth-rfc7523bis §4 defines the last.
    if "typ" in header and not has_typ(header, "jwt", "client-authentication+jwt"):
        return Reason("assertion_wrong_typ", f"The assertion's typ is {shown(header['typ'])}. Leave it out, or use client-authentication+jwt.")
    algorithm = header.get("alg")
    if algorithm not in SIGNATURE_ALGORITHMS:
        # RFC 7523 §3 (9) and RFC 8725 §3.2: neither none, nor HMAC with what is public.
        return Reason("assertion_algorithm_refused", f"The assertion's alg is {shown(algorithm)}. Use {', '.join(SIGNATURE_ALGORITHMS)}.")
    if not isinstance(header.get("kid", ""), str):
        return Reason("assertion_kid_malformed", "The assertion's kid isn't text.")  # RFC 7515 §4.1.4
    return None


def find_reason_in_claims(claims: dict[str, Any], *, issuer: str, token_endpoint: str, now: datetime) -> Reason | None:
    """sub is known to be the client ID, for it says whose keys count."""
    if claims.get("iss") != claims["sub"]:
        # §3 (1) and (2.B): both are the client.
        return Reason("assertion_wrong_issuer", f"The assertion's iss is {shown(claims.get('iss'), after=issuer)}. iss and sub both have to be the client ID.")
    audience = claims.get("aud")
    if not isinstance(audience, str) or audience not in (issuer, token_endpoint):
        # §3 (3); rfc7523bis: one string, so that no other server can use the assertion here or this one there.
        return Reason(
            "assertion_wrong_audience", f"The assertion's aud is {shown(audience, after=issuer)}. It has to be one single string: {issuer} or {token_endpoint}."
        )
    return _find_reason_in_times(claims, now.timestamp()) or _find_reason_in_jti(claims.get("jti"))


def _find_reason_in_times(claims: dict[str, Any], now: float) -> Reason | None:
    expires_at = claims.get("exp")
    for name in ("exp", "nbf", "iat"):
        if name in claims and not is_time(claims[name]):
            return Reason("assertion_time_malformed", f"The assertion's {name} is {shown(claims[name])}. It has to be a number of seconds since 1970.")
    if expires_at is None:
        return Reason("assertion_without_exp", "The assertion lacks exp. Let it end one minute after it is made.")  # §3 (4)
    if expires_at + CLOCK_SKEW <= now:
        # §3 (4)
        times = f"{int(now - expires_at)} s ago: exp is {shown(expires_at)}, and it is {int(now)}"
        return Reason("assertion_expired", f"The assertion ended {times}. Make a new one for each request.")
    if expires_at > now + MAX_LIFETIME + CLOCK_SKEW:
        # §3 (4): unreasonably far in the future.
        return Reason("assertion_too_long", f"The assertion's exp is {shown(expires_at)}, over {MAX_LIFETIME} s after now, {int(now)}. Let it end earlier.")
    if any(claims.get(name, 0) > now + CLOCK_SKEW for name in ("nbf", "iat")):
        # §3 (5) and (6)
        return Reason("assertion_not_yet_valid", f"The assertion's nbf or iat is in the future of {int(now)}. Compare the clocks.")
    return None


def _find_reason_in_jti(jti: object) -> Reason | None:
    # §3 (7) makes it optional, OpenID Connect Core §9 required.
    if not isinstance(jti, str) or not 0 < len(jti) <= MAX_JTI_LENGTH:
        return Reason("assertion_without_jti", f"The assertion needs a jti of 1 to {MAX_JTI_LENGTH} characters, another one each time.")
    return None


def earliest_use(claims: dict[str, Any]) -> int:
    """The second before which a good assertion can't have been accepted, so that a mark of its use can't have been lost before then."""
    return int(max(claims["exp"] - MAX_LIFETIME, claims.get("iat", 0), claims.get("nbf", 0))) - CLOCK_SKEW


def latest_use(claims: dict[str, Any]) -> int:
    """The second after which a good assertion is refused anyway."""
    expires_at: float = claims["exp"]
    return math.ceil(expires_at) + CLOCK_SKEW
