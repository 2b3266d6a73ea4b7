"""POST /oauth2/revoke: token revocation, RFC 7009."""

from contextlib import suppress

from clients.models import Client
from clients.services.audit import Actor
from oauth import access_token, services
from oauth.client_authentication import authenticate_client
from oauth.endpoint import Form, Request, Response, form_endpoint
from oauth.errors import InvalidTokenError
from oauth.granted import record_granted


@form_endpoint("revocation")
def revoke(request: Request, form: Form) -> Response:
    """§2.2: 200 whether or not there was anything to revoke. A client ends its own tokens only."""
    presented = form.require("token")
    authenticated = authenticate_client(request, form)
    caller = authenticated.client
    with suppress(InvalidTokenError):
        token = access_token.verify(presented, now=request.now)
        if token.client.pk == caller.pk:
            services.revoke_token(
                client=Client.objects.select_related("workspace").get(pk=caller.pk),
                credential=token.credential_id,
                jti=token.jti,
                expires_at=token.expires_at,
                actor=Actor(f"client:{caller.client_id}", request.connection.remote_address, request.connection.request_id),
                now=request.now,
            )
    record_granted(request, caller, authenticated.credential_id, endpoint="revocation")
    return Response.json({})
