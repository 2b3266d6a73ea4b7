"""An authenticated client, and the list of what every method checks once the credential itself is valid. RFC 6749 §2.3."""

from typing import NamedTuple

from clients.models.client import CLIENT_ID
from oauth.allowed_auth_methods import find_reason_in_method
from oauth.allowed_networks import find_reason_in_address
from oauth.checks import Checks, Subject
from oauth.client_status import find_reason_in_status
from oauth.messages import Request
from oauth.registration import RegisteredClient


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


def client_checks(request: Request, method: str, client: RegisteredClient) -> Checks:
    """The last checks. Their time may depend on the client's row, so they are only made for a caller with a valid credential."""
    yield Subject.STATUS, find_reason_in_status(client)
    yield Subject.METHOD, find_reason_in_method(method, client)
    yield Subject.ADDRESS, find_reason_in_address(request.connection.remote_address, client)
