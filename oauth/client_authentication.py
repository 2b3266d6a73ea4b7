"""Client authentication: which method a request uses, RFC 6749 §2.3, RFC 7521 §4.2, RFC 8705 §2.

The caller always gets the same error. Only the error's reason, which the client's owner sees, says which check failed.
"""

from enum import Enum, auto

from oauth import client_secret, mtls, private_key_jwt, reasons
from oauth.authenticated_client import AuthenticatedClient
from oauth.errors import InvalidClientError, InvalidRequestError
from oauth.form import Form
from oauth.messages import Request


class Way(Enum):
    """The place of the client's credentials in a request, apart from the connection's certificate."""

    AUTHORIZATION = auto()
    SECRET = auto()
    ASSERTION = auto()


def authenticate_client(request: Request, form: Form) -> AuthenticatedClient:
    """The client must not use more than one method in a request.

    Raise InvalidRequestError, InvalidClientError, TooManyFailuresError, TemporarilyUnavailableError.
    """
    match find_way(request, form):
        case Way.AUTHORIZATION:
            return client_secret.authenticate_by_basic(request, form)
        case Way.SECRET:
            return client_secret.authenticate_by_post(request, form)
        case Way.ASSERTION:
            return private_key_jwt.authenticate(request, form)
    client_id = form.get("client_id")
    if client_id is None:
        raise InvalidClientError(reasons.CLIENT_ID_MISSING.say() if mtls.has_certificate(request) else reasons.MISSING_CREDENTIALS.say())
    return mtls.authenticate(request, client_id)


def find_way(request: Request, form: Form) -> Way | None:
    """The way; None if no header or parameter carries credentials, so that only a certificate can authenticate the client. Raise InvalidRequestError for two at
    once.
    """
    has_authorization = request.headers.get("authorization") is not None
    has_secret = form.get("client_secret") is not None
    has_assertion = form.get("client_assertion") is not None or form.get("client_assertion_type") is not None
    if has_authorization + has_secret + has_assertion > 1:
        raise InvalidRequestError(
            "The request uses two authentication methods. Use only one of the Authorization header, client_secret and client_assertion.",
            named_client_id=form.get("client_id") or "",
        )
    if has_authorization:
        return Way.AUTHORIZATION
    if has_secret:
        return Way.SECRET
    return Way.ASSERTION if has_assertion else None
