"""JWT access tokens, RFC 9068: issuing and verifying them.

Besides the RFC's claims, a token has two claims of ours: workspace (the slug) and credential_id (the credential that obtained it). So revoking a credential
also ends its tokens, without a row for each token. A test client's token says so in environment; a live client's token doesn't have that claim.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from secrets import token_urlsafe
from typing import Any

from django.conf import settings

from clients.models import Client
from clients.models.client import MAX_TOKEN_LIFETIME
from clients.public_key import is_kid
from clients.scope import scope_member
from oauth import jose, reasons
from oauth.client_status import find_reason_in_status
from oauth.lookup import find_token_state
from oauth.models import PUBLISHED_AFTER_RETIREMENT, SigningKey
from oauth.mtls import find_reason_in_withdrawal
from oauth.reasons import Reason
from oauth.registration import RegisteredClient, TokenState
from oauth.resource_errors import InvalidTokenError
from oauth.sender_constraint import Confirmation, find_reason_in_binding, read_confirmation
from oauth.signing_keys import LoadedKey, verification_key

TYP = "at+jwt"

_LIVE = Client.Environment.LIVE.value


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A valid token."""

    client: RegisteredClient
    scopes: tuple[str, ...]
    audiences: tuple[str, ...]
    credential_id: str
    jti: str
    issued_at: int
    expires_at: datetime
    confirmation: Confirmation


def issue(
    *,
    client: RegisteredClient,
    credential_id: str,
    scopes: tuple[str, ...],
    audiences: tuple[str, ...],
    confirmation: Confirmation,
    key: LoadedKey,
    now: datetime,
) -> str:
    """RFC 9068 §2.2. A single audience is a string, several are a list (RFC 7519 §4.1.3)."""
    issued_at = int(now.timestamp())
    claims = {
        "iss": settings.ISSUER_URL,
        "sub": client.client_id,
        "client_id": client.client_id,
        "aud": audiences[0] if len(audiences) == 1 else list(audiences),
        "exp": issued_at + client.token_lifetime,
        "iat": issued_at,
        "jti": token_urlsafe(16),
        **scope_member(scopes),
        "workspace": client.workspace,
        "credential_id": credential_id,
        **({} if client.environment == _LIVE else {"environment": client.environment}),
        **confirmation.claim,
    }
    return jose.sign(claims, key=key.key, algorithm=key.algorithm, kid=key.kid, typ=TYP)


@lru_cache(maxsize=4096)
def verified_claims(token: str) -> tuple[str, dict[str, Any]]:
    """The kid and the claims of a token that one of our keys signed, even if the token has expired or the key has retired since. Raise jose.InvalidJWTError.

    Cached, because a signature stays right or wrong forever. verify() checks each time whether the key, client, credential and token are still valid.
    """
    parsed = jose.parse(token)
    header = parsed.unverified_header
    kid = header.get("kid")
    # A stranger's token may contain NUL or half a surrogate pair, which no database accepts as text.
    if not isinstance(kid, str) or not is_kid(kid) or not jose.has_typ(header, TYP):
        raise jose.InvalidJWTError
    try:
        key = verification_key(kid)
    except SigningKey.DoesNotExist:
        raise jose.InvalidJWTError from None
    jose.verify_signature(parsed, key=key.key, algorithm=key.algorithm)
    return kid, parsed.unverified_claims


def verify(token: str, *, now: datetime) -> AccessToken:
    """RFC 9068 §4. The caller checks the audience. Raise InvalidTokenError for a token that isn't ours or no longer valid."""
    try:
        kid, claims = verified_claims(token)
    except jose.InvalidJWTError:
        raise InvalidTokenError(reasons.BAD_TOKEN.say()) from None
    state = find_token_state(client_id=claims["client_id"], credential_id=claims["credential_id"], jti=claims["jti"], kid=kid)
    if state.client is None:
        raise InvalidTokenError(reasons.DELETED_CLIENT.say())
    confirmation = read_confirmation(claims)
    reason = _find_reason_to_refuse(claims, state.client, state, now) or find_reason_in_binding(state.client, confirmation)
    if reason is not None:
        raise InvalidTokenError(reason, client=state.client, credential_id=claims["credential_id"])
    audience = claims["aud"]
    return AccessToken(
        client=state.client,
        scopes=tuple(claims.get("scope", "").split()),
        audiences=(audience,) if isinstance(audience, str) else tuple(audience),
        credential_id=claims["credential_id"],
        jti=claims["jti"],
        issued_at=claims["iat"],
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        confirmation=confirmation,
    )


def lives_too_long(claims: dict[str, Any]) -> bool:
    """Whether the token claims to expire later than any client's token may. If so, somebody else has one of our keys."""
    return bool(claims["exp"] - claims["iat"] > MAX_TOKEN_LIFETIME.total_seconds())


def _find_reason_to_refuse(claims: dict[str, Any], client: RegisteredClient, state: TokenState, now: datetime) -> Reason | None:
    if claims["iss"] != settings.ISSUER_URL or claims["workspace"] != client.workspace:
        return reasons.OTHER_ISSUER.say()
    if claims["exp"] <= now.timestamp():
        return reasons.TOKEN_EXPIRED.say(at=f"{datetime.fromtimestamp(claims['exp'], UTC):%d %b %H:%M:%S}")
    if state.is_signing_key_revoked:
        return reasons.SIGNING_KEY_REVOKED.say()
    # A key that is no longer in the JWKS isn't accepted, because a copy of it may be in an old backup.
    if state.signing_key_retires_at is not None and state.signing_key_retires_at <= now - PUBLISHED_AFTER_RETIREMENT:
        return reasons.SIGNING_KEY_RETIRED.say()
    if lives_too_long(claims):
        return reasons.TOKEN_LIFETIME.say()
    if state.is_token_revoked:
        return reasons.TOKEN_REVOKED.say()
    if state.is_credential_revoked:
        return reasons.CREDENTIAL_REVOKED.say(credential_id=claims["credential_id"])
    return find_reason_in_withdrawal(claims["credential_id"]) or find_reason_in_status(client)
