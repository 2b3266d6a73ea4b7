"""What a protected resource requires of a caller that is authenticated: scopes, an environment, an audience. RFC 6750 §3.1, RFC 9068 §4."""

from oauth import reasons
from oauth.asked_for import shown_resource, shown_scopes
from oauth.caller_authentication import Caller
from oauth.resource_errors import InsufficientScopeError, InvalidTokenError, OtherEnvironmentError


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
