"""Sender-constrained access tokens: binding a token when it is issued, and checking the binding when it is used. RFC 8705 §3, RFC 9449 §5 to §7.

A token is bound to the key of the DPoP proof in the token request, and to the connection's certificate if the client authenticated with it. A client can be
required to use only bound tokens. The holder of a bound token must prove possession of the key or present the certificate with each
request.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from clients.certificate import x5t_s256
from oauth import dpop, reasons
from oauth.authenticated_client import AuthenticatedClient
from oauth.dpop_nonce import current_nonce
from oauth.errors import InvalidClientError, InvalidDPoPProofError, UseDPoPNonceError
from oauth.form import Form
from oauth.lookup import is_certificate_revoked
from oauth.messages import Request
from oauth.mtls import CERTIFICATE_METHODS, find_reason_in_validity, find_reason_not_to_bind
from oauth.reasons import Reason
from oauth.registration import RegisteredClient
from oauth.resource_errors import DPOP, InvalidDPoPProofAtResourceError, InvalidTokenError, UseDPoPNonceAtResourceError


class Confirmation(NamedTuple):
    """The cnf claim, RFC 7800 §3.1: x5t_s256 as in RFC 8705 §3.1, jkt as in RFC 9449 §6.1; each is "" if the token isn't bound to it."""

    x5t_s256: str = ""
    jkt: str = ""

    @property
    def claim(self) -> dict[str, dict[str, str]]:
        members = {name: value for name, value in (("x5t#S256", self.x5t_s256), ("jkt", self.jkt)) if value}
        return {"cnf": members} if members else {}

    @property
    def token_type(self) -> str:
        """RFC 9449 §5. RFC 8705 defines no type."""
        return "DPoP" if self.jkt else "Bearer"


def read_confirmation(claims: dict[str, Any]) -> Confirmation:
    """The binding of one of our tokens. claims: the token's."""
    members = claims.get("cnf", {})
    return Confirmation(members.get("x5t#S256", ""), members.get("jkt", ""))


def bind(request: Request, form: Form, authenticated: AuthenticatedClient) -> Confirmation:
    """Call it last, because it uses up the proof. Raise InvalidClientError, InvalidDPoPProofError, UseDPoPNonceError."""
    thumbprint = bind_to_certificate(request, authenticated)
    return Confirmation(thumbprint, _bind_to_key(request, form, authenticated))


def bind_to_certificate(request: Request, authenticated: AuthenticatedClient) -> str:
    """The x5t#S256 to bind the token to, "" for none. Raise InvalidClientError."""
    client, certificate = authenticated.client, request.connection.client_certificate
    if authenticated.method not in CERTIFICATE_METHODS and not client.require_certificate:
        return ""
    if certificate is None:
        raise InvalidClientError(
            reasons.CERTIFICATE_REQUIRED.say(),
            client=client,
            credential_id=authenticated.credential_id,
            is_proved=True,
        )
    if authenticated.method not in CERTIFICATE_METHODS:
        reason = find_reason_not_to_bind(request, client, certificate)
        if reason is not None:
            raise InvalidClientError(reason, client=client, credential_id=authenticated.credential_id, is_proved=True)
    return x5t_s256(certificate)


def _bind_to_key(request: Request, form: Form, authenticated: AuthenticatedClient) -> str:
    """RFC 9449 §5. A request with a proof gets a bound token. dpop_jkt (§10) is a parameter of authorization requests; if it is sent here, it must match the
    proof's key.
    """
    client, credential_id = authenticated.client, authenticated.credential_id
    wanted = form.get("dpop_jkt")
    if "dpop" not in request.headers and wanted is None and not client.require_dpop:
        return ""
    try:
        return dpop.accept_proof(request, dpop.own_target(request), expected_jkt=wanted)
    except dpop.InvalidProofError as error:
        raise InvalidDPoPProofError(error.reason, client=client, credential_id=credential_id) from None
    except dpop.OtherKeyError:
        raise InvalidDPoPProofError(reasons.DPOP_JKT_MISMATCH.say(), client=client, credential_id=credential_id) from None
    except dpop.StaleNonceError:
        raise UseDPoPNonceError(current_nonce(request.now), client=client, credential_id=credential_id) from None


def find_reason_in_binding(client: RegisteredClient, confirmation: Confirmation) -> Reason | None:
    """A client's requirements also apply to tokens that it already has. A token bound to a revoked certificate is refused, even if another credential obtained
    it.
    """
    if (client.require_dpop and not confirmation.jkt) or (client.require_certificate and not confirmation.x5t_s256):
        return reasons.TOKEN_NOT_BOUND.say()
    if confirmation.x5t_s256 and is_certificate_revoked(client_pk=client.pk, thumbprint=confirmation.x5t_s256):
        return reasons.BOUND_CERTIFICATE_REVOKED.say()
    return None


def find_reason_in_secret_alone(client: RegisteredClient) -> Reason | None:
    """A secret proves neither a key nor a certificate, so a client that must prove one can't call an API by its secret."""
    return reasons.BOUND_TOKEN_REQUIRED.say() if client.require_dpop or client.require_certificate else None


def find_reason_in_use(request: Request, confirmation: Confirmation, scheme: str) -> Reason | None:
    """Why the token can't be used under this scheme and on this connection. RFC 9449 §7.1 and §7.2, RFC 8705 §3."""
    if confirmation.jkt and scheme != DPOP:
        return reasons.DPOP_TOKEN_AS_BEARER.say()
    if scheme == DPOP and not confirmation.jkt:
        return reasons.BEARER_TOKEN_UNDER_DPOP.say()
    certificate = request.connection.client_certificate
    if not confirmation.x5t_s256:
        return None
    if certificate is None or x5t_s256(certificate) != confirmation.x5t_s256:
        return reasons.CERTIFICATE_MISMATCH.say()
    return find_reason_in_validity(certificate, request.now)


def require_proof(request: Request, target: Callable[[Request], dpop.Target], *, token: str, jkt: str, client: RegisteredClient, credential_id: str) -> None:
    """RFC 9449 §7.1. Call it last, because it uses up the proof. token: as it was sent; jkt: what it is bound to."""
    try:
        dpop.accept_proof(request, target(request), access_token=token, expected_jkt=jkt)
    except dpop.InvalidProofError as error:
        raise InvalidDPoPProofAtResourceError(error.reason, client=client, credential_id=credential_id) from None
    except dpop.OtherKeyError:
        raise InvalidTokenError(reasons.DPOP_OTHER_KEY.say(), scheme=DPOP, client=client, credential_id=credential_id) from None
    except dpop.StaleNonceError:
        raise UseDPoPNonceAtResourceError(current_nonce(request.now), client=client, credential_id=credential_id) from None
