"""Authenticate the caller of a protected resource by access token, HTTP Basic or API key. RFC 6750, RFC 8705 §3, RFC 9449 §7."""

from collections.abc import Callable
from dataclasses import dataclass

from clients.certificate import x5t_s256
from clients.secret import looks_like_secret
from oauth import access_token, dpop, reasons
from oauth.access_token import AccessToken
from oauth.asked_for import shown_resource, shown_scopes
from oauth.authenticated_client import AuthenticatedClient
from oauth.client_secret import CLIENT_SECRET_BASIC, PresentedSecret, authenticate_secret, read_basic
from oauth.dpop import Target, own_target
from oauth.dpop_nonce import current_nonce
from oauth.errors import (
    BEARER,
    DPOP,
    InsufficientScopeError,
    InvalidAPIKeyError,
    InvalidClientError,
    InvalidDPoPProofAtResourceError,
    InvalidTokenError,
    MissingTokenError,
    OtherEnvironmentError,
    UseDPoPNonceAtResourceError,
)
from oauth.messages import Request
from oauth.mtls import find_reason_in_validity
from oauth.reasons import Reason
from oauth.registration import RegisteredClient


@dataclass(frozen=True, slots=True)
class Caller:
    """auth_method: access_token, client_secret_basic or api_key. audiences: what the credentials are for. credential_id: of the client's credential.

    scheme: for the challenge in a refusal.
    """

    client: RegisteredClient
    scopes: tuple[str, ...]
    audiences: tuple[str, ...]
    auth_method: str
    credential_id: str
    scheme: str = BEARER

    @property
    def is_by_credential(self) -> bool:
        """Whether the caller presented the client's credential itself, not a token obtained with it."""
        return self.auth_method != "access_token"


def authenticate_caller(request: Request, *, takes_api_key_header: bool = False, target: Callable[[Request], Target] = own_target) -> Caller:
    """target: the request that a DPoP proof must be for. A proof is ignored unless it comes with a token under DPoP.

    Raise MissingTokenError, InvalidTokenError, InvalidDPoPProofAtResourceError, UseDPoPNonceAtResourceError, InvalidClientError, TooManyFailuresError.
    """
    authorization = request.headers.get("authorization")
    api_key = request.headers.get("x-api-key") if takes_api_key_header else None
    if authorization is not None and api_key is not None:
        raise InvalidTokenError(reasons.TWO_METHODS.say())
    if api_key is not None:
        return _by_api_key(request, api_key)
    if authorization is None:
        raise MissingTokenError
    if "," in authorization:
        raise InvalidTokenError(reasons.REPEATED_AUTHORIZATION.say())
    scheme, _, credentials = authorization.partition(" ")
    match scheme.lower():
        case "bearer":
            return _by_bearer(request, credentials.strip())
        case "basic":
            return _by_basic(request, authorization)
        case "dpop":
            return _by_dpop(request, credentials.strip(), target)
        case _:
            raise InvalidTokenError(reasons.SCHEME_NOT_SUPPORTED.say())


def require_scopes(caller: Caller, required: tuple[str, ...]) -> None:
    """RFC 6750 §3.1."""
    if not set(required) <= set(caller.scopes):
        said = shown_scopes(required, workspace_pk=caller.client.workspace_pk)
        raise InsufficientScopeError(required, shown=said, scheme=caller.scheme, client=caller.client, credential_id=caller.credential_id)


def require_environment(caller: Caller, environment: str) -> None:
    """environment: the required one; an unknown one refuses every caller."""
    if environment != caller.client.environment:
        raise OtherEnvironmentError(scheme=caller.scheme, client=caller.client, credential_id=caller.credential_id)


def require_audience(caller: Caller, audience: str) -> None:
    """RFC 9068 §4: a token that isn't meant for the resource is refused."""
    if audience not in caller.audiences:
        said = shown_resource(audience, workspace_pk=caller.client.workspace_pk)
        raise InvalidTokenError(
            reasons.WRONG_AUDIENCE.say(audiences=", ".join(caller.audiences)[:300], demanded=said),
            scheme=caller.scheme,
            client=caller.client,
            credential_id=caller.credential_id,
        )


def _by_bearer(request: Request, credentials: str) -> Caller:
    if looks_like_secret(credentials):
        return _by_api_key(request, credentials)
    token = access_token.verify(credentials, now=request.now)
    if token.confirmation.jkt:
        raise InvalidTokenError(
            reasons.DPOP_TOKEN_AS_BEARER.say(),
            client=token.client,
            credential_id=token.credential_id,
        )
    return _by_token(request, token, BEARER)


def _by_dpop(request: Request, credentials: str, target: Callable[[Request], Target]) -> Caller:
    """RFC 9449 §7.1. The proof is checked last, because the check uses it up."""
    try:
        token = access_token.verify(credentials, now=request.now)
    except InvalidTokenError as error:
        raise error.under(DPOP) from None
    if not token.confirmation.jkt:
        raise InvalidTokenError(
            reasons.BEARER_TOKEN_UNDER_DPOP.say(),
            scheme=DPOP,
            client=token.client,
            credential_id=token.credential_id,
        )
    caller = _by_token(request, token, DPOP)
    try:
        dpop.accept_proof(request, target(request), access_token=credentials, expected_jkt=token.confirmation.jkt)
    except dpop.InvalidProofError as error:
        raise InvalidDPoPProofAtResourceError(error.reason, client=token.client, credential_id=token.credential_id) from None
    except dpop.OtherKeyError:
        raise InvalidTokenError(
            reasons.DPOP_OTHER_KEY.say(),
            scheme=DPOP,
            client=token.client,
            credential_id=token.credential_id,
        ) from None
    except dpop.StaleNonceError:
        raise UseDPoPNonceAtResourceError(current_nonce(request.now), client=token.client, credential_id=token.credential_id) from None
    return caller


def _by_token(request: Request, token: AccessToken, scheme: str) -> Caller:
    """RFC 8705 §3: a token that is bound to a certificate is only accepted on a connection with the same certificate."""
    reason = _find_reason_in_certificate(token.confirmation.x5t_s256, request)
    if reason is not None:
        raise InvalidTokenError(reason, scheme=scheme, client=token.client, credential_id=token.credential_id)
    return Caller(token.client, token.scopes, token.audiences, "access_token", token.credential_id, scheme)


def _find_reason_in_certificate(bound_to: str, request: Request) -> Reason | None:
    """bound_to: x5t#S256, "" for none."""
    certificate = request.connection.client_certificate
    if not bound_to:
        return None
    if certificate is None or x5t_s256(certificate) != bound_to:
        return reasons.CERTIFICATE_MISMATCH.say()
    return find_reason_in_validity(certificate, request.now)


def _by_api_key(request: Request, plaintext: str) -> Caller:
    try:
        return _with_secret(authenticate_secret(request, PresentedSecret(None, plaintext, CLIENT_SECRET_BASIC)), "api_key")
    except InvalidClientError as error:
        raise InvalidAPIKeyError(error) from None


def _by_basic(request: Request, authorization: str) -> Caller:
    return _with_secret(authenticate_secret(request, read_basic(authorization)), CLIENT_SECRET_BASIC)


def _with_secret(authenticated: AuthenticatedClient, auth_method: str) -> Caller:
    """A secret proves neither a key nor a certificate, so a client that must prove one is refused."""
    client = authenticated.client
    if client.require_dpop or client.require_certificate:
        raise InvalidClientError(
            reasons.BOUND_TOKEN_REQUIRED.say(),
            client=client,
            named_client_id=client.client_id,
            credential_id=authenticated.credential_id,
            is_proved=True,
        )
    return Caller(client, client.scopes, client.own_audiences, auth_method, authenticated.credential_id)
