"""Sender-constrained access tokens: what a token is bound to when it is issued, and that whoever uses it shows the same. RFC 8705 §3, RFC 9449 §5 to §7.

A token is bound to the key of the DPoP proof that its request came with, and to the certificate of the connection where its client authenticated with it. A
client may be allowed to have only tokens that are bound.
"""

from typing import Any, NamedTuple

from clients.certificate import x5t_s256
from oauth import dpop, reasons
from oauth.authenticated_client import AuthenticatedClient
from oauth.dpop_nonce import current_nonce
from oauth.errors import InvalidClientError, InvalidDPoPProofError, UseDPoPNonceError
from oauth.form import Form
from oauth.messages import Request
from oauth.mtls import CERTIFICATE_METHODS, find_reason_not_to_bind


class Confirmation(NamedTuple):
    """The cnf claim, RFC 7800 §3.1: x5t_s256 as RFC 8705 §3.1 has it, jkt as RFC 9449 §6.1 has it, each "" for a token that isn't bound to that."""

    x5t_s256: str = ""
    jkt: str = ""

    @property
    def claim(self) -> dict[str, dict[str, str]]:
        members = {name: value for name, value in (("x5t#S256", self.x5t_s256), ("jkt", self.jkt)) if value}
        return {"cnf": members} if members else {}

    @property
    def token_type(self) -> str:
        """RFC 9449 §5. RFC 8705 has no type of its own."""
        return "DPoP" if self.jkt else "Bearer"


def read_confirmation(claims: dict[str, Any]) -> Confirmation:
    """What a token of ours is bound to. claims: its own."""
    members = claims.get("cnf", {})
    return Confirmation(members.get("x5t#S256", ""), members.get("jkt", ""))


def bind(request: Request, form: Form, authenticated: AuthenticatedClient) -> Confirmation:
    """To be called last: a proof is used up by it. Raise InvalidClientError, InvalidDPoPProofError, UseDPoPNonceError."""
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
    """RFC 9449 §5. Whoever sends a proof gets a bound token. dpop_jkt (§10) is a parameter of authorization requests; where it comes, it must be true."""
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
