"""Client authentication with a signed JWT, RFC 7523 §2.2 and §3."""

from oauth.authenticated_client import AuthenticatedClient
from oauth.endpoint import Form, Request
from oauth.errors import InvalidClientError, Reason


def authenticate(_request: Request, form: Form) -> AuthenticatedClient:
    """Raise InvalidClientError, InvalidRequestError, TooManyFailuresError."""
    raise InvalidClientError(
        Reason("method_not_supported", "It came with a client assertion, which this client can't use."), named_client_id=form.get("client_id") or ""
    )
