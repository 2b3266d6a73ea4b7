"""GET /api/v1/whoami: tells the caller who it is."""

from oauth.caller_authentication import authenticate_caller
from oauth.dpop_nonce import nonce_headers
from oauth.endpoint import endpoint
from oauth.granted_requests import record_granted
from oauth.messages import NO_STORE, Request, Response
from oauth.required_scope_and_audience import require_audience


@endpoint("api", methods=("GET", "HEAD"), is_resource=True)
def whoami(request: Request) -> Response:
    """Any scope is enough, but a token must be meant for the workspace's own resources."""
    caller = authenticate_caller(request)
    client = caller.client
    if not caller.is_by_credential:
        require_audience(caller, client.default_audience)
    record_granted(request, client, caller.credential_id, endpoint="api", is_by_credential=caller.is_by_credential, scopes=caller.scopes)
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
