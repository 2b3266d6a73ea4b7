"""Finds a workspace's tokens among the JWTs in a leaked text, and whether they are still valid."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from oauth import access_token, jose, reasons
from oauth.models import SigningKey
from oauth.resource_errors import InvalidTokenError

# Each costs a signature check and a look-up. If a log holds more tokens, revoke the credentials that obtained them.
MAX_VERIFIED = 100
# What is refused for another reason works again if somebody undoes a change.
_FOR_GOOD = {
    refusal.code
    for refusal in (
        reasons.TOKEN_EXPIRED,
        reasons.TOKEN_REVOKED,
        reasons.CREDENTIAL_REVOKED,
        reasons.DELETED_CLIENT,
        reasons.SIGNING_KEY_REVOKED,
        reasons.SIGNING_KEY_RETIRED,
        reasons.TOKEN_LIFETIME,
    )
}


@dataclass(frozen=True, slots=True)
class LeakedToken:
    """refused_because: why it isn't valid now, as a sentence; "" if it is valid. has_ended: whether it can't become valid again."""

    jti: str
    client_id: str
    credential_id: str
    scopes: tuple[str, ...]
    expires_at: datetime
    refused_because: str
    has_ended: bool


@dataclass(frozen=True, slots=True)
class LeakedTokens:
    """unread: how many look like ours but weren't verified because there are too many."""

    tokens: list[LeakedToken]
    unread: int


def find_leaked_tokens(jwts: Iterable[str], *, workspace: str, now: datetime) -> LeakedTokens:
    """The tokens that our keys signed for the workspace, by its slug. Tokens of other servers and of other workspaces are left out."""
    headers = {jose.header_segment(algorithm, kid, access_token.TYP) for kid, algorithm in SigningKey.objects.values_list("kid", "algorithm")}
    ours = [jwt for jwt in jwts if jwt.partition(".")[0] in headers]
    found = []
    for jwt in ours[:MAX_VERIFIED]:
        try:
            _, claims = access_token.verified_claims(jwt)
        except jose.InvalidJWTError:
            continue
        if claims["workspace"] == workspace:
            reason = _find_reason(jwt, now)
            found.append(
                LeakedToken(
                    jti=claims["jti"],
                    client_id=claims["client_id"],
                    credential_id=claims["credential_id"],
                    scopes=tuple(claims.get("scope", "").split()),
                    expires_at=datetime.fromtimestamp(claims["exp"], UTC),
                    refused_because=reason.sentence if reason is not None else "",
                    has_ended=reason is not None and (reason.code in _FOR_GOOD or claims["exp"] <= now.timestamp()),
                )
            )
    return LeakedTokens(found, max(0, len(ours) - MAX_VERIFIED))


def _find_reason(jwt: str, now: datetime) -> reasons.Reason | None:
    try:
        access_token.verify(jwt, now=now)
    except InvalidTokenError as error:
        return error.reason
    return None
