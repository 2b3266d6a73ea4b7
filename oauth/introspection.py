"""POST /oauth2/introspect: token introspection, RFC 7662; for bound tokens RFC 8705 §3.2 and RFC 9449 §6.2.

The parameter resource is our own, with the name and form of RFC 8707 §2. In it, the caller names one of its own audiences. A client's audiences include the
APIs that it calls, so an API that calls another one sees the tokens for both unless it names one.
"""

from django.conf import settings
from django.core.exceptions import ValidationError

from clients.scope import scope_member
from clients.services.entered_values import clean_resource_uri
from oauth import access_token
from oauth.access_token import AccessToken
from oauth.client_authentication import authenticate_client
from oauth.endpoint import form_endpoint
from oauth.errors import InvalidRequestError
from oauth.form import Form
from oauth.granted_requests import record_granted
from oauth.messages import Request, Response
from oauth.registration import RegisteredClient
from oauth.resource_errors import InvalidTokenError

_INACTIVE: dict[str, object] = {"active": False}


@form_endpoint("introspection")
def introspect(request: Request, form: Form) -> Response:
    """§2.2. A caller sees the tokens of its workspace that it obtained itself or whose aud contains one of its own audiences
    (the workspace's audience if it has none). If it names an audience, it sees only the tokens for that one.
    """
    presented, resource = form.require("token"), _read_resource(form)
    authenticated = authenticate_client(request, form)
    caller = authenticated.client
    try:
        token = access_token.verify(presented, now=request.now)
    except InvalidTokenError:
        answer = _INACTIVE
    else:
        answer = _describe(token) if _concerns(caller, token, resource) else _INACTIVE
    record_granted(request, caller, authenticated.credential_id, endpoint="introspection")
    return Response.json(answer)


def _read_resource(form: Form) -> str | None:
    if len(form.resource) > 1:
        raise InvalidRequestError("The parameter resource is repeated. Send only your API's URI.")
    try:
        return clean_resource_uri(form.resource[0]) if form.resource else None
    except ValidationError:
        raise InvalidRequestError("The parameter resource isn't an absolute URI of at most 512 characters without a fragment. Send your API's URI.") from None


def _concerns(caller: RegisteredClient, token: AccessToken, resource: str | None) -> bool:
    if resource is not None and (resource not in token.audiences or resource not in (*caller.audiences, caller.default_audience)):
        return False
    if token.client.pk == caller.pk:
        return True
    if token.client.workspace_pk != caller.workspace_pk:
        return False
    return resource is not None or not set(caller.own_audiences).isdisjoint(token.audiences)


def _describe(token: AccessToken) -> dict[str, object]:
    return {
        "active": True,
        **scope_member(token.scopes),
        "client_id": token.client.client_id,
        "token_type": token.confirmation.token_type,
        "exp": int(token.expires_at.timestamp()),
        "iat": token.issued_at,
        "sub": token.client.client_id,
        "aud": token.audiences[0] if len(token.audiences) == 1 else list(token.audiences),
        "iss": settings.ISSUER_URL,
        "jti": token.jti,
        "workspace": token.client.workspace,
        "environment": token.client.environment,
        **token.confirmation.claim,
    }
