"""POST /oauth2/token: the token endpoint, RFC 6749 §3.2 and §4.4."""

from clients.scope import scope_member
from oauth import access_token
from oauth.client_authentication import authenticate_client
from oauth.dpop_nonce import nonce_headers
from oauth.endpoint import form_endpoint
from oauth.errors import UnsupportedGrantTypeError
from oauth.form import Form
from oauth.granted_requests import record_granted
from oauth.messages import NO_STORE, Request, Response
from oauth.requested_scope_and_resource import grant
from oauth.sender_constraint import bind
from oauth.signing_keys import require_signing_key


@form_endpoint("token")
def token(request: Request, form: Form) -> Response:
    """Answer per RFC 6749 §5.1: access_token, token_type, expires_in in seconds, scope."""
    grant_type = form.require("grant_type")
    authenticated = authenticate_client(request, form)
    if grant_type != "client_credentials":
        raise UnsupportedGrantTypeError("Use grant_type=client_credentials.", client=authenticated.client, credential_id=authenticated.credential_id)
    granted = grant(authenticated, form)
    key = require_signing_key(authenticated.signing_kid)
    # This comes last, because it uses up the proof, and a request that is refused for another reason may be sent again.
    confirmation = bind(request, form, authenticated)
    issued = access_token.issue(
        client=authenticated.client,
        credential_id=authenticated.credential_id,
        scopes=granted.scopes,
        audiences=granted.audiences,
        confirmation=confirmation,
        key=key,
        now=request.now,
    )
    record_granted(
        request,
        authenticated.client,
        authenticated.credential_id,
        endpoint="token",
        scopes=granted.scopes,
        is_scope_asked=form.get("scope") is not None,
        token_lifetime=authenticated.client.token_lifetime,
    )
    return Response.json(
        {
            "access_token": issued,
            "token_type": confirmation.token_type,
            "expires_in": authenticated.client.token_lifetime,
            **scope_member(granted.scopes),
        },
        headers=(*NO_STORE, *nonce_headers(request)),
    )
