"""An authenticated client, and what every method checks once the credential itself is valid. RFC 6749 §2.3."""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, NamedTuple

from clients.models.client import CLIENT_ID
from oauth import reasons
from oauth.checks import Checks, Subject
from oauth.errors import TooManyFailuresError
from oauth.messages import Request
from oauth.reasons import Reason
from oauth.registration import RegisteredClient, Registration

_CAME = {
    "client_secret_basic": "by HTTP Basic or as an API key",
    "client_secret_post": "in the body",
    "private_key_jwt": "as a client assertion",
    "tls_client_auth": "as a client certificate",
    "self_signed_tls_client_auth": "as a client certificate",
}


class AuthenticatedClient(NamedTuple):
    """credential_id: the name of the credential in tokens (oauth.registration). method: token_endpoint_auth_method. signing_kid: the kid of the key that signs
    now.
    """

    client: RegisteredClient
    credential_id: str
    method: str
    signing_kid: str | None


def clean_client_id(client_id: str) -> str:
    """The ID if it may be looked up, "" if no client can have it: a stranger may send a string that isn't valid text for the database."""
    return client_id if CLIENT_ID.fullmatch(client_id) else ""


def refuse_blocked(request: Request, registration: Registration[Any]) -> None:
    """Raise TooManyFailuresError if the caller's address has too many failures."""
    if registration.blocked_until is not None:
        raise TooManyFailuresError(retry_after=max(1, registration.blocked_until - int(request.now.timestamp())), client=registration.client)


def client_checks(request: Request, method: str, client: RegisteredClient) -> Checks:
    """The last checks. Their time may depend on the client's row, so they are only made for a caller with a valid credential."""
    yield Subject.STATUS, find_reason_in_status(client)
    yield Subject.METHOD, _find_reason_in_method(method, client)
    yield Subject.ADDRESS, _find_reason_in_address(request.connection.remote_address, client)


def _find_reason_in_method(method: str, client: RegisteredClient) -> Reason | None:
    if method in client.forbidden_auth_methods:
        return reasons.METHOD_AGAINST_POLICY.say(way=_CAME[method], workspace=client.workspace)
    if method not in client.auth_methods:
        return reasons.METHOD_NOT_ALLOWED.say(way=_CAME[method], allowed=" and ".join(client.auth_methods) or "no method")
    return None


def _find_reason_in_address(address: str, client: RegisteredClient) -> Reason | None:
    """address: "" if unknown."""
    if client.allowed_networks and not _is_allowed(address, client.allowed_networks):
        return reasons.ADDRESS_NOT_ALLOWED.say(address=address or "an unknown address")
    return None


def find_reason_in_status(client: RegisteredClient) -> Reason | None:
    """Why the client and its tokens aren't accepted now."""
    if client.is_workspace_deleted:
        return reasons.WORKSPACE_DELETED.say(workspace=client.workspace)
    return None if client.is_enabled else reasons.CLIENT_DISABLED.say()


@lru_cache(maxsize=1024)
def _networks(networks: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(network) for network in networks)


def _is_allowed(address: str, networks: tuple[str, ...]) -> bool:
    if not address:
        return False
    parsed = ip_address(address)
    return any(parsed in network for network in _networks(networks))
