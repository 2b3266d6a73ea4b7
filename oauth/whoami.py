"""GET /api/v1/whoami: who the caller is."""

from clients.services import usage
from oauth.dpop_nonce import nonce_headers
from oauth.endpoint import NO_STORE, Request, Response, endpoint
from oauth.protected_resource import authenticate_caller, require_audience


@endpoint("api", methods=("GET", "HEAD"))
def whoami(request: Request) -> Response:
    """With any scope, but a token must be meant for the workspace's own resources."""
    caller = authenticate_caller(request)
    client = caller.client
    if caller.auth_method == "access_token":
        require_audience(caller, client.default_audience)
    usage.record(client=client.pk, credential=caller.credential_id, endpoint="api", outcome=usage.GRANTED, now=request.now)
    return Response.json(
        {
            "client_id": client.client_id,
            "workspace": client.workspace,
            "environment": client.environment,
            "scopes": caller.scopes,
            "auth_method": caller.auth_method,
        },
        headers=(*NO_STORE, *nonce_headers(request)),
    )
