"""Mutual TLS client authentication, RFC 8705 §2.

The caller has proved that it holds the certificate's key: to us in the handshake, or to the trusted proxy that passes the certificate on. Whether the
certificate is valid for the client is checked here in both cases, because a proxy may let any certificate through.
"""

from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from cryptography import x509
from django.core.exceptions import ValidationError

from clients.certificate import check_certificate, is_authority, load_certificate, x5t_s256
from clients.models import Client, ClientCertificate
from clients.services import usage
from clients.tls_subject import is_named, spell_subject_type
from oauth import reasons
from oauth.authenticated_client import AuthenticatedClient, clean_client_id, client_checks
from oauth.checks import Checks, Subject, first_refusal
from oauth.client_ca import ClientCAs, client_cas, fingerprint
from oauth.errors import InvalidClientError
from oauth.lookup import find_by_certificate
from oauth.messages import Request
from oauth.reasons import Reason
from oauth.registration import RegisteredCertificate, RegisteredClient
from oauth.throttling import NOT_COUNTED, failure_keys, refuse_blocked

TLS_CLIENT_AUTH = Client.AuthMethod.TLS_CLIENT_AUTH.value
SELF_SIGNED_TLS_CLIENT_AUTH = Client.AuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH.value
CERTIFICATE_METHODS = (TLS_CLIENT_AUTH, SELF_SIGNED_TLS_CLIENT_AUTH)


class _Examined(NamedTuple):
    """The unchanging facts about a certificate. validity: its first and last moment, None if they can't be read. issuers: the CAs that signed it. flaw: why it
    is unusable. certificate: None if it has no issuers, because a stranger can present many, and a parsed name takes a hundred times its length.
    """

    validity: tuple[datetime, datetime] | None
    flaw: Reason | None
    issuers: tuple[x509.Certificate, ...] = ()
    certificate: x509.Certificate | None = None


def has_certificate(request: Request) -> bool:
    """Whether the connection has a certificate, readable or not."""
    return request.connection.client_certificate is not None or request.connection.has_malformed_certificate


def authenticate(request: Request, client_id: str) -> AuthenticatedClient:
    """Authenticate by the connection's certificate: one that is registered for the client, or one with the client's subject, issued by an operator's CA.

    Raise InvalidClientError, TooManyFailuresError.
    """
    if request.connection.client_certificate is not None:
        return _authenticate(request, client_id, request.connection.client_certificate)
    if request.connection.has_malformed_certificate:
        raise InvalidClientError(reasons.CERTIFICATE_MALFORMED.say(), named_client_id=client_id)
    keys = failure_keys(name=client_id, address=request.connection.remote_address)
    registration = find_by_certificate(client_id=clean_client_id(client_id), thumbprint="", failure_keys=keys, now=request.now)
    refuse_blocked(request, registration)
    client = registration.client
    has_own = client is not None and set(CERTIFICATE_METHODS) & {*client.auth_methods, *client.forbidden_auth_methods}
    refusal = reasons.CERTIFICATE_MISSING if has_own else reasons.MISSING_CREDENTIALS
    raise InvalidClientError(refusal.say(), client=client, named_client_id=client_id)


def _authenticate(request: Request, client_id: str, certificate: bytes) -> AuthenticatedClient:
    """certificate: DER."""
    thumbprint = x5t_s256(certificate)
    keys = failure_keys(name=client_id, address=request.connection.remote_address)
    registration = find_by_certificate(client_id=clean_client_id(client_id), thumbprint=thumbprint, failure_keys=keys, now=request.now)
    refuse_blocked(request, registration)
    client, found = registration.client, registration.credential
    flaw = first_refusal(proof_checks(certificate, client, found, request.now))
    if client is None:
        assert flaw is not None  # the first check requires a client
        raise InvalidClientError(flaw, named_client_id=client_id)
    method = choose_method(client, found)
    reason = flaw or first_refusal(client_checks(request, method, client))
    if reason is not None:
        raise InvalidClientError(
            reason,
            client=client,
            named_client_id=client_id,
            credential_id=found.credential_id if found is not None else "",
            is_proved=flaw is None or found is not None,
        )
    if method == TLS_CLIENT_AUTH:
        return AuthenticatedClient(client, name_issued(client, certificate), method, registration.signing_kid)
    assert found is not None  # if nothing is found, there is a reason
    usage.record_use(ClientCertificate, pk=found.pk, address=request.connection.remote_address, now=request.now)
    return AuthenticatedClient(client, found.credential_id, method, registration.signing_kid)


def proof_checks(certificate: bytes, client: RegisteredClient | None, found: RegisteredCertificate | None, now: datetime) -> Checks:
    """Whether a certificate in DER authenticates the client. found: the client's row for that certificate."""
    # Done even if it isn't needed, so that the time it takes says nothing about the client.
    examined = _examine(certificate, client_cas())
    yield Subject.CLIENT, reasons.UNKNOWN_CLIENT.say() if client is None else None
    if client is None:
        return
    if choose_method(client, found) == TLS_CLIENT_AUTH:
        yield Subject.CERTIFICATE, _find_reason_in_issued(client, examined, now)
    else:
        yield Subject.CERTIFICATE, _find_reason_in_registered(client, found, x5t_s256(certificate), now)


def name_issued(client: RegisteredClient, certificate: bytes) -> str:
    """The credential_id for a certificate (DER) with the client's subject: it names subject and CA. All its issuers share one key."""
    examined = _examine(certificate, client_cas())
    # The file may have changed since. A token whose CA isn't in the file is refused.
    return f"{client.tls_subject_credential}:{next(map(fingerprint, examined.issuers), '')}"


def find_reason_in_withdrawal(credential_id: str) -> Reason | None:
    """Why the CA that a token names no longer counts. A token issued before tokens named the CA is valid until it expires."""
    kind, *named = credential_id.split(":")
    if kind != "tls_subject" or len(named) < 2 or named[1] in client_cas().fingerprints:
        return None
    return reasons.CA_WITHDRAWN.say()


def find_reason_not_to_bind(request: Request, client: RegisteredClient, certificate: bytes) -> Reason | None:
    """Why the token of a client that authenticated by another method can't be bound to that certificate (in DER). It must be registered for the client, or an
    operator's CA must have issued it to the client's subject. Otherwise a thief could use a stolen secret with their own certificate, or another one of that
    CA.
    """
    thumbprint = x5t_s256(certificate)
    found = find_by_certificate(client_id=client.client_id, thumbprint=thumbprint, failure_keys=NOT_COUNTED, now=request.now).credential
    if found is not None:
        return _find_reason_in_registered(client, found, thumbprint, request.now)
    examined = _examine(certificate, client_cas())
    if client.tls_subject_type:
        return _find_reason_in_issued(client, examined, request.now)
    return _find_reason_in_chain(examined, request.now) or _say_unknown(thumbprint)


def find_reason_in_validity(certificate: bytes, now: datetime) -> Reason | None:
    """Why a certificate in DER isn't valid now, independent of any client."""
    validity = _examine(certificate, client_cas()).validity
    return reasons.CERTIFICATE_MALFORMED.say() if validity is None else _find_reason_in_times(*validity, now)


def choose_method(client: RegisteredClient, found: RegisteredCertificate | None) -> str:
    own = (*client.auth_methods, *client.forbidden_auth_methods)
    if SELF_SIGNED_TLS_CLIENT_AUTH not in own and TLS_CLIENT_AUTH in client.forbidden_auth_methods:
        # Use the client's own method, so that its owner reads why the certificate is refused.
        return TLS_CLIENT_AUTH
    if TLS_CLIENT_AUTH not in client.auth_methods:
        return SELF_SIGNED_TLS_CLIENT_AUTH
    if found is None:
        return TLS_CLIENT_AUTH
    if found.revoked_at is not None:
        # One trusted issuer is enough.
        return SELF_SIGNED_TLS_CLIENT_AUTH
    # If the client may use both methods, registered certificates are tried first.
    return SELF_SIGNED_TLS_CLIENT_AUTH if SELF_SIGNED_TLS_CLIENT_AUTH in client.auth_methods else TLS_CLIENT_AUTH


def _find_reason_in_registered(client: RegisteredClient, found: RegisteredCertificate | None, thumbprint: str, now: datetime) -> Reason | None:
    """§2.2: the certificate itself must be registered."""
    if found is None:
        if SELF_SIGNED_TLS_CLIENT_AUTH not in client.auth_methods:
            return None
        return _say_unknown(thumbprint)
    if found.revoked_at is not None:
        return reasons.CERTIFICATE_REVOKED.say(thumbprint=thumbprint, at=found.revoked_at)
    return _find_reason_in_times(found.valid_from, found.expires_at, now)


def _say_unknown(thumbprint: str) -> Reason:
    return reasons.CERTIFICATE_UNKNOWN.say(thumbprint=thumbprint)


def _find_reason_in_times(valid_from: datetime, expires_at: datetime | None, now: datetime) -> Reason | None:
    """RFC 5280 §4.1.2.5."""
    if valid_from > now:
        return reasons.CERTIFICATE_NOT_YET_VALID.say(at=valid_from)
    if expires_at is not None and expires_at <= now:
        return reasons.CERTIFICATE_EXPIRED.say(at=expires_at)
    return None


def _find_reason_in_issued(client: RegisteredClient, examined: _Examined, now: datetime) -> Reason | None:
    """§2.1: the chain is checked first, then the registered subject (§2.1.2)."""
    reason = _find_reason_in_chain(examined, now)
    if reason is not None:
        return reason
    assert examined.certificate is not None  # a certificate without issuers was refused above
    if not is_named(examined.certificate, client.tls_subject_type, client.tls_subject):
        kind = spell_subject_type(client.tls_subject_type)
        return reasons.CERTIFICATE_SUBJECT.say(subject=client.tls_subject, kind=kind)
    return None


def _find_reason_in_chain(examined: _Examined, now: datetime) -> Reason | None:
    if examined.flaw is not None:
        return examined.flaw
    if not any(issuer.not_valid_before_utc <= now < issuer.not_valid_after_utc for issuer in examined.issuers):
        return reasons.CERTIFICATE_UNTRUSTED.say()
    assert examined.validity is not None  # without one, there is a flaw
    return _find_reason_in_times(*examined.validity, now)


@lru_cache(maxsize=1024)
def _examine(der: bytes, authorities: ClientCAs) -> _Examined:
    try:
        certificate = load_certificate(der)
    except ValidationError:
        return _Examined(None, reasons.CERTIFICATE_MALFORMED.say())
    validity = (certificate.not_valid_before_utc, certificate.not_valid_after_utc)
    try:
        check_certificate(certificate)
    except ValidationError:
        return _Examined(validity, reasons.CERTIFICATE_UNSUITABLE.say())
    if is_authority(certificate):
        return _Examined(validity, reasons.CERTIFICATE_UNSUITABLE.say())
    issuers = authorities.find_issuers(certificate)
    return _Examined(validity, None, issuers, certificate if issuers else None)
