"""The client credentials grant, RFC 6749 §4.4: which scopes and audiences a token gets."""

from dataclasses import dataclass

from clients.scope import parse_scope
from oauth import reasons
from oauth.asked_for import shown_resource, shown_scopes
from oauth.authenticated_client import AuthenticatedClient
from oauth.errors import InvalidScopeError, InvalidTargetError
from oauth.form import Form


@dataclass(frozen=True, slots=True)
class Grant:
    scopes: tuple[str, ...]
    audiences: tuple[str, ...]


def grant(authenticated: AuthenticatedClient, form: Form) -> Grant:
    """Raise InvalidScopeError, InvalidTargetError."""
    return Grant(grant_scopes(authenticated, form.get("scope")), grant_audiences(authenticated, form.resource))


def grant_scopes(authenticated: AuthenticatedClient, scope: str | None) -> tuple[str, ...]:
    """RFC 6749 §3.3. scope: as requested; None for all of the client's scopes."""
    if scope is None:
        return authenticated.client.scopes
    scopes = parse_scope(scope)
    if scopes is None:
        raise InvalidScopeError(
            "The scope is malformed. Send scope names separated by single spaces.", client=authenticated.client, credential_id=authenticated.credential_id
        )
    missing = [name for name in scopes if name not in authenticated.client.scopes]
    if missing:
        said = shown_scopes(missing, workspace_pk=authenticated.client.workspace_pk)
        raise InvalidScopeError(
            "The scope is unknown or not allowed for this client. Request scopes that it has, or leave scope out to get all of them.",
            reason=reasons.SCOPE_NOT_ALLOWED.say(scopes=said),
            client=authenticated.client,
            credential_id=authenticated.credential_id,
        )
    return scopes


def grant_audiences(authenticated: AuthenticatedClient, resource: tuple[str, ...]) -> tuple[str, ...]:
    """RFC 8707 §2. resource: as requested; if it is empty, the token gets all audiences of the client, or the workspace's own if the client has none."""
    client = authenticated.client
    if not resource and client.own_audiences:
        return client.own_audiences
    withheld = next((uri for uri in resource or client.withheld_audiences if uri in client.withheld_audiences), None)
    if withheld is not None:
        raise InvalidTargetError(
            "The resource is malformed, unknown or not allowed for this client. Request one of its audiences, or leave resource out.",
            reason=reasons.AUDIENCE_WITHHELD.say(audiences=withheld[:200]),
            client=authenticated.client,
            credential_id=authenticated.credential_id,
        )
    refused = [uri for uri in resource if uri not in client.audiences and uri != client.default_audience]
    if refused:
        said = shown_resource(refused[0], workspace_pk=client.workspace_pk)
        raise InvalidTargetError(
            "The resource is malformed, unknown or not allowed for this client. Request one of its audiences, or leave resource out.",
            reason=reasons.RESOURCE_NOT_ALLOWED.say(resource=said),
            client=authenticated.client,
            credential_id=authenticated.credential_id,
        )
    return tuple(dict.fromkeys(resource))
