"""POST /oauth2/introspect: token introspection, RFC 7662, of bound tokens RFC 8705 §3.2 and RFC 9449 §6.2."""

from django.conf import settings

from clients.scope import scope_member
from oauth import access_token
from oauth.access_token import AccessToken
from oauth.client_authentication import authenticate_client
from oauth.endpoint import Form, Request, Response, form_endpoint
from oauth.errors import InvalidTokenError
from oauth.granted import record_granted
from oauth.registration import RegisteredClient

_INACTIVE: dict[str, object] = {"active": False}


@form_endpoint("introspection")
def introspect(request: Request, form: Form) -> Response:
    """§2.2. A caller learns of a token of its own workspace that it obtained itself or whose aud holds one of its own audiences,
    the workspace's where it has none.
    """
    presented = form.require("token")
    authenticated = authenticate_client(request, form)
    caller = authenticated.client
    try:
        token = access_token.verify(presented, now=request.now)
    except InvalidTokenError:
        answer = _INACTIVE
    else:
        answer = _describe(token) if _concerns(caller, token) else _INACTIVE
    record_granted(request, caller, authenticated.credential_id, endpoint="introspection")
    return Response.json(answer)


def _concerns(caller: RegisteredClient, token: AccessToken) -> bool:
    if token.client.pk == caller.pk:
        return True
    return token.client.workspace_pk == caller.workspace_pk and not set(caller.own_audiences).isdisjoint(token.audiences)


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
        **token.confirmation.claim,
    }
