"""Mutual TLS client authentication and certificate thumbprints, RFC 8705."""

import hashlib
from base64 import urlsafe_b64encode

from clients.models import Client
from oauth.authenticated_client import AuthenticatedClient
from oauth.endpoint import Request
from oauth.errors import InvalidClientError, Reason

CERTIFICATE_METHODS = (Client.AuthMethod.TLS_CLIENT_AUTH.value, Client.AuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH.value)


def x5t_s256(certificate: bytes) -> str:
    """§3.1: the base64url of the SHA-256 of a certificate's DER."""
    return urlsafe_b64encode(hashlib.sha256(certificate).digest()).rstrip(b"=").decode()


def authenticate(_request: Request, client_id: str, _certificate: bytes) -> AuthenticatedClient:
    """Raise InvalidClientError, TooManyFailuresError."""
    raise InvalidClientError(Reason("method_not_supported", "It came with a client certificate, which this client can't use."), named_client_id=client_id)
