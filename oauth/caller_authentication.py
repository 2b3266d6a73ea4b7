"""Authenticate the caller of a protected resource by access token, HTTP Basic or API key. RFC 6750, RFC 9449 §7.

oauth.sender_constraint decides whether a bound token is in the right hands, oauth.required_scope_and_audience what the resource requires besides.
"""

from collections.abc import Callable
from dataclasses import dataclass

from clients.secret import looks_like_secret
from oauth import access_token, reasons, sender_constraint
from oauth.access_token import AccessToken
from oauth.authenticated_client import AuthenticatedClient
from oauth.client_secret import CLIENT_SECRET_BASIC, PresentedSecret, authenticate_secret, read_basic
from oauth.dpop import Target, own_target
from oauth.errors import InvalidClientError
from oauth.messages import Request
from oauth.registration import RegisteredClient
from oauth.resource_errors import BEARER, DPOP, InvalidAPIKeyError, InvalidTokenError, MissingTokenError


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


def _by_bearer(request: Request, credentials: str) -> Caller:
    if looks_like_secret(credentials):
        return _by_api_key(request, credentials)
    return _by_token(request, access_token.verify(credentials, now=request.now), BEARER)


def _by_dpop(request: Request, credentials: str, target: Callable[[Request], Target]) -> Caller:
    """RFC 9449 §7.1."""
    try:
        token = access_token.verify(credentials, now=request.now)
    except InvalidTokenError as error:
        raise error.under(DPOP) from None
    caller = _by_token(request, token, DPOP)
    jkt = token.confirmation.jkt
    sender_constraint.require_proof(request, target, token=credentials, jkt=jkt, client=token.client, credential_id=token.credential_id)
    return caller


def _by_token(request: Request, token: AccessToken, scheme: str) -> Caller:
    reason = sender_constraint.find_reason_in_use(request, token.confirmation, scheme)
    if reason is not None:
        raise InvalidTokenError(reason, scheme=scheme, client=token.client, credential_id=token.credential_id)
    return Caller(token.client, token.scopes, token.audiences, "access_token", token.credential_id, scheme)


def _by_api_key(request: Request, plaintext: str) -> Caller:
    try:
        return _with_secret(authenticate_secret(request, PresentedSecret(None, plaintext, CLIENT_SECRET_BASIC)), "api_key")
    except InvalidClientError as error:
        raise InvalidAPIKeyError(error) from None


def _by_basic(request: Request, authorization: str) -> Caller:
    return _with_secret(authenticate_secret(request, read_basic(authorization)), CLIENT_SECRET_BASIC)


def _with_secret(authenticated: AuthenticatedClient, auth_method: str) -> Caller:
    client = authenticated.client
    reason = sender_constraint.find_reason_in_secret_alone(client)
    if reason is not None:
        raise InvalidClientError(reason, client=client, named_client_id=client.client_id, credential_id=authenticated.credential_id, is_proved=True)
    return Caller(client, client.scopes, client.own_audiences, auth_method, authenticated.credential_id)
