"""POST /oauth2/revoke: token revocation, RFC 7009."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from clients.models import Client
from clients.services.audit import Actor
from oauth import access_token, jose, own_revocations, reasons, services
from oauth.client_authentication import authenticate_client
from oauth.endpoint import form_endpoint
from oauth.errors import TemporarilyUnavailableError
from oauth.form import Form
from oauth.granted_requests import record_granted
from oauth.messages import Request, Response
from oauth.models import SigningKey


@form_endpoint("revocation")
def revoke(request: Request, form: Form) -> Response:
    """§2.2: 200 whether or not there was anything to revoke. A client can only revoke its own tokens.

    A token that this node would refuse now is revoked too: the node's clock may be wrong, or the cause of the refusal may be undone later.
    """
    # A token read from a file may end in a line break. If that weren't stripped, the caller would get 200 although the token is still valid.
    presented = form.require("token").strip()
    authenticated = authenticate_client(request, form)
    caller = authenticated.client
    with suppress(jose.InvalidJWTError):
        kid, claims = access_token.verified_claims(presented)
        ends_at = datetime.fromtimestamp(claims["exp"], UTC)
        if claims["client_id"] == caller.client_id and _may_live(kid, claims, now=request.now - services.REVOCATIONS_KEPT):
            if own_revocations.is_too_many(caller.pk, now=request.now):
                raise TemporarilyUnavailableError(reasons.TOO_MANY_REVOCATIONS.say())
            services.revoke_token(
                client=Client.objects.select_related("workspace").get(pk=caller.pk),
                credential=claims["credential_id"],
                jti=claims["jti"],
                expires_at=ends_at,
                actor=Actor(f"client:{caller.client_id}", request.connection.remote_address, request.connection.request_id),
                now=request.now,
            )
    record_granted(request, caller, authenticated.credential_id, endpoint="revocation")
    return Response.json({})


def _may_live(kid: str, claims: dict[str, Any], *, now: datetime) -> bool:
    """now: the time by the clock that is furthest behind."""
    return bool(claims["exp"] > now.timestamp()) and not access_token.lives_too_long(claims) and SigningKey.objects.published(now).filter(kid=kid).exists()
