"""Sender-constrained access tokens: what a token is bound to when it is issued. RFC 8705 §3.

A token is bound to the certificate of the connection where its client authenticated with it, or may only have tokens that are bound to one.
"""

from typing import NamedTuple

from oauth.authenticated_client import AuthenticatedClient
from oauth.endpoint import Request
from oauth.errors import InvalidClientError, Reason
from oauth.mtls import CERTIFICATE_METHODS, x5t_s256


class Confirmation(NamedTuple):
    """The cnf claim, RFC 7800 §3.1: x5t_s256 as RFC 8705 §3.1 has it, "" for a token that isn't bound to a certificate."""

    x5t_s256: str = ""

    @property
    def claim(self) -> dict[str, dict[str, str]]:
        return {"cnf": {"x5t#S256": self.x5t_s256}} if self.x5t_s256 else {}


UNBOUND = Confirmation()


def bind(request: Request, authenticated: AuthenticatedClient) -> Confirmation:
    """Raise InvalidClientError where the client must have its tokens bound to a certificate and shows none."""
    client, certificate = authenticated.client, request.connection.client_certificate
    if authenticated.method not in CERTIFICATE_METHODS and not client.require_certificate:
        return UNBOUND
    if certificate is None:
        raise InvalidClientError(
            Reason("certificate_required", "This client's tokens must be bound to a certificate, and the connection has none."),
            client=client,
            credential_id=authenticated.credential_id,
        )
    return Confirmation(x5t_s256(certificate))
