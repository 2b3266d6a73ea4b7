"""The rules for the content of a client assertion: RFC 7523 §3, with the audience rule of draft-ietf-oauth-rfc7523bis, OpenID Connect Core §9, FAPI 2.0
§5.3.2.1.

Pure: a parsed JWT in, a Reason or None out. oauth.private_key_jwt checks who signed it. There is deliberately no rule about iat's age: exp bounds the lifetime.
"""

import math
from datetime import datetime
from typing import Any

from clients.foreign_text import shown
from oauth import reasons
from oauth.jose import CLOCK_SKEW, MAX_JTI_LENGTH, SIGNATURE_ALGORITHMS, has_typ, is_time
from oauth.reasons import Reason

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MAX_LIFETIME = 600

# Header parameters that supply a key or change how the rest is read. RFC 7515 §4.1.2 to §4.1.6 and §4.1.11, RFC 7797 §3.
_REFUSED_HEADERS = ("crit", "b64", "jwk", "jku", "x5u", "x5c")


def find_reason_in_header(header: dict[str, Any]) -> Reason | None:
    refused = [name for name in _REFUSED_HEADERS if name in header]
    if refused:
        return reasons.ASSERTION_HEADER_REFUSED.say(names=", ".join(refused))
    # draft-ietf-oauth-rfc7523bis §4 defines the last one.
    if "typ" in header and not has_typ(header, "jwt", "client-authentication+jwt"):
        return reasons.ASSERTION_WRONG_TYP.say(typ=shown(header["typ"]))
    algorithm = header.get("alg")
    if algorithm not in SIGNATURE_ALGORITHMS:
        # RFC 7523 §3 (9) and RFC 8725 §3.2: “none”, and HMAC with a public key, aren't allowed.
        return reasons.ASSERTION_ALGORITHM_REFUSED.say(algorithm=shown(algorithm), allowed=", ".join(SIGNATURE_ALGORITHMS))
    if not isinstance(header.get("kid", ""), str):
        return reasons.ASSERTION_KID_MALFORMED.say()  # RFC 7515 §4.1.4
    return None


def find_reason_in_claims(claims: dict[str, Any], *, issuer: str, token_endpoint: str, now: datetime) -> Reason | None:
    """sub needs no check: it was used as the client ID to find the keys."""
    if claims.get("iss") != claims["sub"]:
        # §3 (1) and (2.B): both are the client.
        return reasons.ASSERTION_WRONG_ISSUER.say(issuer=shown(claims.get("iss"), after=issuer))
    audience = claims.get("aud")
    if not isinstance(audience, str) or audience not in (issuer, token_endpoint):
        # §3 (3); rfc7523bis: a single string, so that no server can use an assertion meant for another one.
        return reasons.ASSERTION_WRONG_AUDIENCE.say(audience=shown(audience, after=issuer), issuer=issuer, token_endpoint=token_endpoint)
    return _find_reason_in_times(claims, now.timestamp()) or _find_reason_in_jti(claims.get("jti"))


def _find_reason_in_times(claims: dict[str, Any], now: float) -> Reason | None:
    expires_at = claims.get("exp")
    for name in ("exp", "nbf", "iat"):
        if name in claims and not is_time(claims[name]):
            return reasons.ASSERTION_TIME_MALFORMED.say(name=name, value=shown(claims[name]))
    if expires_at is None:
        return reasons.ASSERTION_WITHOUT_EXP.say()  # §3 (4)
    if expires_at + CLOCK_SKEW <= now:
        # §3 (4)
        return reasons.ASSERTION_EXPIRED.say(seconds=int(now - expires_at), exp=shown(expires_at), now=int(now))
    if expires_at > now + MAX_LIFETIME + CLOCK_SKEW:
        # §3 (4): unreasonably far in the future.
        return reasons.ASSERTION_TOO_LONG.say(exp=shown(expires_at), allowed=MAX_LIFETIME, now=int(now))
    if any(claims.get(name, 0) > now + CLOCK_SKEW for name in ("nbf", "iat")):
        # §3 (5) and (6)
        return reasons.ASSERTION_NOT_YET_VALID.say(now=int(now))
    return None


def _find_reason_in_jti(jti: object) -> Reason | None:
    # §3 (7) makes it optional, OpenID Connect Core §9 requires it.
    if not isinstance(jti, str) or not 0 < len(jti) <= MAX_JTI_LENGTH:
        return reasons.ASSERTION_WITHOUT_JTI.say(most=MAX_JTI_LENGTH)
    return None


def earliest_use(claims: dict[str, Any]) -> int:
    """The earliest second at which a valid assertion can have been accepted, and so the earliest time of a mark of its use."""
    return int(max(claims["exp"] - MAX_LIFETIME, claims.get("iat", 0), claims.get("nbf", 0))) - CLOCK_SKEW


def latest_use(claims: dict[str, Any]) -> int:
    """The second after which a valid assertion is refused anyway."""
    expires_at: float = claims["exp"]
    return math.ceil(expires_at) + CLOCK_SKEW
