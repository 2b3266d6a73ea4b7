"""The other side of the wire: who calls a protected resource, by access token, HTTP Basic or API key. RFC 6750."""

from dataclasses import dataclass

from clients.secret import looks_like_secret
from oauth import access_token
from oauth.authenticated_client import AuthenticatedClient
from oauth.client_secret import CLIENT_SECRET_BASIC, PresentedSecret, authenticate_secret, read_basic
from oauth.endpoint import Request
from oauth.errors import InsufficientScopeError, InvalidAPIKeyError, InvalidClientError, InvalidTokenError, MissingTokenError, Reason
from oauth.lookup import RegisteredClient


@dataclass(frozen=True, slots=True)
class Caller:
    """auth_method: access_token, client_secret_basic or api_key. audiences: what the credentials are good for. credential_id: of the client's credential."""

    client: RegisteredClient
    scopes: tuple[str, ...]
    audiences: tuple[str, ...]
    auth_method: str
    credential_id: str


def authenticate_caller(request: Request, *, takes_api_key_header: bool = False) -> Caller:
    """Raise MissingTokenError, InvalidTokenError, InvalidClientError, TooManyFailuresError."""
    authorization = request.headers.get("authorization")
    api_key = request.headers.get("x-api-key") if takes_api_key_header else None
    if authorization is not None and api_key is not None:
        raise InvalidTokenError(Reason("two_methods", "It came with an Authorization and an X-API-Key header. Send one."))
    if api_key is not None:
        return _by_api_key(request, api_key)
    if authorization is None:
        raise MissingTokenError
    if "," in authorization:
        raise InvalidTokenError(Reason("repeated_authorization", "It came with several Authorization headers. Send one."))
    scheme, _, credentials = authorization.partition(" ")
    match scheme.lower():
        case "bearer":
            return _by_bearer(request, credentials.strip())
        case "basic":
            return _by_basic(request, authorization)
        case _:
            raise InvalidTokenError(Reason("method_not_supported", "It came with another authentication scheme than Bearer and Basic."))


def require_scopes(caller: Caller, required: tuple[str, ...]) -> None:
    """RFC 6750 §3.1."""
    if not set(required) <= set(caller.scopes):
        raise InsufficientScopeError(required, client=caller.client, credential_id=caller.credential_id)


def require_audience(caller: Caller, audience: str) -> None:
    """RFC 9068 §4: a token that isn't meant for the resource is refused."""
    if audience not in caller.audiences:
        raise InvalidTokenError(
            Reason("wrong_audience", f"It is good for {', '.join(caller.audiences)[:300]}, not for {audience[:150]}."),
            client=caller.client,
            credential_id=caller.credential_id,
        )


def _by_bearer(request: Request, credentials: str) -> Caller:
    if looks_like_secret(credentials):
        return _by_api_key(request, credentials)
    token = access_token.verify(credentials, now=request.now)
    return Caller(token.client, token.scopes, token.audiences, "access_token", token.credential_id)


def _by_api_key(request: Request, plaintext: str) -> Caller:
    try:
        return _with_secret(authenticate_secret(request, PresentedSecret(None, plaintext, CLIENT_SECRET_BASIC)), "api_key")
    except InvalidClientError as error:
        raise InvalidAPIKeyError(error) from None


def _by_basic(request: Request, authorization: str) -> Caller:
    return _with_secret(authenticate_secret(request, read_basic(authorization)), CLIENT_SECRET_BASIC)


def _with_secret(authenticated: AuthenticatedClient, auth_method: str) -> Caller:
    client = authenticated.client
    return Caller(client, client.scopes, client.audiences or (client.default_audience,), auth_method, authenticated.credential_id)
