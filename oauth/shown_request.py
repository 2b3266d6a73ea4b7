"""Runs every check on a pasted request, without any effect: no use, failure or jti is recorded, and no token is issued.

The checks are the endpoints' own functions, in the order of the protocol. A failed check doesn't hide the others, except those that need its result.
Anything that belongs to a workspace other than the reader's is treated as if it didn't exist.
"""

from datetime import datetime
from functools import partial

from django.conf import settings

from clients import secret
from clients.certificate import x5t_s256
from clients.secret import ParsedSecret
from oauth import access_token, client_secret, dpop, mtls, private_key_jwt, reasons
from oauth.authenticated_client import AuthenticatedClient, clean_client_id, client_checks
from oauth.checks import Subject
from oauth.client_authentication import Way, find_way
from oauth.client_secret import PresentedSecret
from oauth.errors import InsecureTransportError, MethodNotAllowedError, OAuthError, TooManyFailuresError, UnsupportedGrantTypeError
from oauth.examination import Examination
from oauth.form import Form, parse_form, refuse_credentials_in_query
from oauth.jose import ParsedJWT
from oauth.lookup import find_by_certificate, find_by_secret, find_by_secret_alone
from oauth.messages import Request
from oauth.private_key_jwt import ClientKey
from oauth.reasons import Reason
from oauth.registration import RegisteredClient, RegisteredKey, RegisteredSecret, Registration
from oauth.requested_scope_and_resource import grant_audiences, grant_scopes
from oauth.resource_errors import InvalidTokenError
from oauth.sender_constraint import bind_to_certificate, find_reason_in_secret_alone
from oauth.throttling import NOT_COUNTED, failure_keys, seconds_to_wait


def examine_form(request: Request, *, workspace: int, is_whole: bool) -> Examination:
    """A request to an endpoint that takes a form and client authentication. workspace: primary key. is_whole: whether method and URL were pasted too.

    request.connection: its address is "" if unknown; its certificate was pasted beside the request.
    """
    examination = Examination(request, workspace)
    if is_whole:
        _examine_target(examination)
    form = examination.attempt(Subject.FORM, lambda: parse_form(request))
    if form is None:
        return examination
    is_token_request = request.path == "/oauth2/token"
    if is_token_request:
        examination.attempt(Subject.GRANT_TYPE, lambda: _require_grant_type(form))
    authenticated = _authenticate(examination, form)
    if authenticated is not None and is_token_request:
        _examine_grant(examination, form, authenticated)
    return examination


def examine_caller(request: Request, *, workspace: int, is_whole: bool) -> Examination:
    """A request to a protected resource, with a secret as an API key or by HTTP Basic, or with an access token."""
    examination = Examination(request, workspace)
    if is_whole:
        _examine_transport(examination)
    api_key, (scheme, _, credentials) = request.headers.get("x-api-key"), request.headers.get("authorization", "").partition(" ")
    if api_key is None and scheme.lower() in ("bearer", "dpop") and not secret.looks_like_secret(credentials.strip()):
        _examine_token(examination, credentials.strip())
        return examination
    if api_key is None and scheme.lower() == "basic":
        presented = examination.attempt(Subject.AUTHENTICATION, lambda: client_secret.read_basic(request.headers["authorization"]))
    elif api_key is None and not credentials:
        examination.note(Subject.AUTHENTICATION, reasons.MISSING_CREDENTIALS.say())
        return examination
    else:
        presented = PresentedSecret(None, credentials.strip() if api_key is None else api_key, client_secret.CLIENT_SECRET_BASIC)
    authenticated = _examine_secret(examination, presented) if presented is not None else None
    if authenticated is not None:
        examination.note(Subject.BINDING, find_reason_in_secret_alone(authenticated.client))
    return examination


def examine_proof(request: Request, *, workspace: int) -> Examination:
    """A DPoP proof by itself, for a request to the token endpoint."""
    examination = Examination(request, workspace)
    _examine_proof(examination, expected_jkt=None)
    return examination


def _examine_target(examination: Examination) -> None:
    request = examination.request
    _examine_transport(examination)
    examination.attempt(Subject.QUERY, lambda: refuse_credentials_in_query(request.query))
    if request.method != "POST":
        examination.note(Subject.FORM, MethodNotAllowedError(("POST",)).reason)


def _examine_transport(examination: Examination) -> None:
    is_secure = examination.request.connection.is_secure
    examination.note(Subject.TRANSPORT, None if is_secure else InsecureTransportError(settings.ISSUER_URL, had_credentials=True).reason)


def _require_grant_type(form: Form) -> None:
    if form.require("grant_type") != "client_credentials":
        raise UnsupportedGrantTypeError("Use grant_type=client_credentials.")


def _authenticate(examination: Examination, form: Form) -> AuthenticatedClient | None:
    """The client that the request names, even if no credential is valid; None if it names none."""
    request = examination.request
    try:
        way = find_way(request, form)
    except OAuthError as error:
        examination.note(Subject.AUTHENTICATION, error.reason)
        return None
    if way is Way.ASSERTION:
        return _examine_assertion(examination, form)
    if way is None:
        return _examine_certificate(examination, form)
    present = {Way.AUTHORIZATION: lambda: client_secret.present_by_basic(request, form), Way.SECRET: lambda: client_secret.present_by_post(form)}[way]
    presented = examination.attempt(Subject.AUTHENTICATION, present)
    return _examine_secret(examination, presented) if presented is not None else None


def _examine_secret(examination: Examination, presented: PresentedSecret) -> AuthenticatedClient | None:
    request = examination.request
    parsed = secret.parse(presented.plaintext)
    registration = _find_secret(examination, presented, parsed, request.now)
    client, found = registration.client, registration.credential
    try:
        failed = examination.collect(client_secret.proof_checks(presented, parsed, registration))
    except secret.HashingBusyError:
        examination.note(Subject.SECRET, reasons.HASHING_BUSY.say())
        found = None
    else:
        # If the secret is proved, everything is shown, even if the request names an unknown client.
        found = found if failed <= {Subject.CLIENT} else None
    examination.collect(client_secret.row_checks(request, presented.method, client, found))
    return _conclude(examination, client, found.credential_id if found is not None else "", presented.method)


def _find_secret(examination: Examination, presented: PresentedSecret, parsed: ParsedSecret | None, now: datetime) -> Registration[RegisteredSecret]:
    """The secret with the named client, or with its own client if none was named; nothing from another workspace."""
    registration = find_by_secret_alone(secret_id=parsed.secret_id if parsed else "", failure_keys=NOT_COUNTED, now=now)
    client = examination.own(registration.client)
    found = registration.credential if client is not None else None
    if presented.client_id is not None:
        named = find_by_secret(client_id=clean_client_id(presented.client_id), secret_id="", failure_keys=NOT_COUNTED, now=now)
        client = examination.own(named.client)
    return Registration(client, found, None, None)


def _examine_assertion(examination: Examination, form: Form) -> AuthenticatedClient | None:
    request = examination.request
    assertion = examination.attempt(Subject.ASSERTION, lambda: private_key_jwt.read_assertion(form))
    if assertion is None:
        return None
    registration = private_key_jwt.find_registration(assertion, NOT_COUNTED, request.now)
    client = examination.own(registration.client)
    signer = reasons.UNKNOWN_CLIENT.say() if client is None else _find_signer(assertion, registration, request.now)
    examination.collect(private_key_jwt.proof_checks(client, signer))
    if client is None:
        return None
    is_used = partial(private_key_jwt.is_used, assertion, request.now)
    examination.collect(private_key_jwt.statement_checks(request, assertion, client, signer, is_used=is_used))
    return _conclude(examination, client, "" if isinstance(signer, Reason) else signer.credential_id, private_key_jwt.PRIVATE_KEY_JWT)


def _find_signer(assertion: ParsedJWT, registration: Registration[RegisteredKey], now: datetime) -> ClientKey | Reason:
    try:
        return private_key_jwt.find_signer(assertion, registration, now)
    except OAuthError as error:
        return error.reason


def _examine_certificate(examination: Examination, form: Form) -> AuthenticatedClient | None:
    request = examination.request
    certificate, client_id = request.connection.client_certificate, form.get("client_id")
    if certificate is None:
        examination.note(Subject.AUTHENTICATION, reasons.MISSING_CREDENTIALS.say())
        return None
    if client_id is None:
        examination.note(Subject.AUTHENTICATION, reasons.CLIENT_ID_MISSING.say())
        return None
    examination.note(Subject.AUTHENTICATION)
    thumbprint = x5t_s256(certificate)
    registration = find_by_certificate(client_id=clean_client_id(client_id), thumbprint=thumbprint, failure_keys=NOT_COUNTED, now=request.now)
    client, found = examination.own(registration.client), registration.credential
    failed = examination.collect(mtls.proof_checks(certificate, client, found, request.now))
    if client is None:
        return None
    method = mtls.choose_method(client, found)
    examination.collect(client_checks(request, method, client))
    credential_id = mtls.name_issued(client, certificate) if method == mtls.TLS_CLIENT_AUTH else found.credential_id if found is not None else ""
    return _conclude(examination, client, "" if failed else credential_id, method)


def _conclude(examination: Examination, client: RegisteredClient | None, credential_id: str, method: str) -> AuthenticatedClient | None:
    examination.client, examination.credential_id, examination.method = client, credential_id, method
    if client is None:
        return None
    address = examination.request.connection.remote_address
    if address:
        wait = seconds_to_wait(failure_keys(name=client.client_id, address=address), now=examination.request.now)
        examination.note(Subject.WAIT, TooManyFailuresError(retry_after=wait).reason if wait else None)
    return AuthenticatedClient(client, credential_id, method, None)


def _examine_grant(examination: Examination, form: Form, authenticated: AuthenticatedClient) -> None:
    examination.scopes = examination.attempt(Subject.SCOPE, lambda: grant_scopes(authenticated, form.get("scope"))) or ()
    examination.audiences = examination.attempt(Subject.RESOURCE, lambda: grant_audiences(authenticated, form.resource)) or ()
    client, request = authenticated.client, examination.request
    if client.require_certificate and request.connection.client_certificate is None:
        # Only the request was pasted; a certificate would be in the connection.
        examination.leave_open(Subject.BINDING)
    elif client.require_certificate:
        examination.attempt(Subject.BINDING, lambda: bind_to_certificate(request, authenticated))
    wanted = form.get("dpop_jkt")
    if "dpop" in request.headers or wanted is not None or client.require_dpop:
        _examine_proof(examination, expected_jkt=wanted)


def _examine_proof(examination: Examination, *, expected_jkt: str | None) -> None:
    request = examination.request
    try:
        jkt, claims = dpop.check_proof(request, dpop.own_target(request), expected_jkt=expected_jkt)
    except dpop.InvalidProofError as error:
        examination.note(Subject.PROOF, error.reason)
    except dpop.OtherKeyError:
        examination.note(Subject.PROOF, reasons.DPOP_JKT_MISMATCH.say())
    except dpop.StaleNonceError:
        examination.note(Subject.PROOF, reasons.USE_DPOP_NONCE.say())
    else:
        examination.note(Subject.PROOF)
        examination.note(Subject.PROOF_FIRST_USE, reasons.DPOP_PROOF_REPLAYED.say() if dpop.was_used(jkt, claims, request.now) else None)


def _examine_token(examination: Examination, text: str) -> None:
    """Check the token's validity. Whether the right client sent it isn't checked: that needs the request that it came with."""
    try:
        token = access_token.verify(text, now=examination.request.now)
    except InvalidTokenError as error:
        examination.client = examination.own(error.client)
        examination.note(Subject.TOKEN, error.reason if examination.client is not None else reasons.BAD_TOKEN.say())
        return
    examination.client = examination.own(token.client)
    if not examination.note(Subject.TOKEN, reasons.BAD_TOKEN.say() if examination.client is None else None):
        return
    examination.credential_id, examination.scopes, examination.audiences = token.credential_id, token.scopes, token.audiences
