"""Client authentication with a secret, RFC 6749 §2.3.1: by HTTP Basic or in the body.

The caller always gets the same error. Only the error's reason, which the client's owner sees, says which check failed.
"""

import base64
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote_plus

from clients import secret
from clients.models import Client, ClientSecret
from clients.secret import ParsedSecret
from clients.services import usage
from oauth import reasons
from oauth.authenticated_client import AuthenticatedClient, clean_client_id, client_checks
from oauth.checks import Checks, Subject, first_refusal
from oauth.errors import InvalidClientError, InvalidRequestError, TemporarilyUnavailableError
from oauth.form import Form
from oauth.lookup import find_by_secret, find_by_secret_alone
from oauth.messages import Request
from oauth.reasons import Reason
from oauth.registration import RegisteredClient, RegisteredSecret, Registration
from oauth.throttling import failure_keys, refuse_blocked

CLIENT_SECRET_BASIC = Client.AuthMethod.CLIENT_SECRET_BASIC.value
CLIENT_SECRET_POST = Client.AuthMethod.CLIENT_SECRET_POST.value


@dataclass(frozen=True, slots=True)
class PresentedSecret:
    """client_id: None if the secret is sent alone, as an API key."""

    client_id: str | None
    plaintext: str
    method: str


def authenticate_by_basic(request: Request, form: Form) -> AuthenticatedClient:
    return authenticate_secret(request, present_by_basic(request, form))


def authenticate_by_post(request: Request, form: Form) -> AuthenticatedClient:
    return authenticate_secret(request, present_by_post(form))


def present_by_basic(request: Request, form: Form) -> PresentedSecret:
    """Raise InvalidClientError, InvalidRequestError."""
    presented = read_basic(request.headers["authorization"])
    client_id = form.get("client_id")
    if client_id is not None and client_id != presented.client_id:
        raise InvalidRequestError("client_id in the body differs from the one in the Authorization header. Send the same ID, or leave it out.")
    return presented


def present_by_post(form: Form) -> PresentedSecret:
    """Raise InvalidRequestError."""
    client_id, client_secret = form.get("client_id"), form.require("client_secret")
    if client_id is None:
        raise InvalidRequestError("The parameter client_id is missing. Send it together with client_secret.")
    return PresentedSecret(client_id, client_secret, CLIENT_SECRET_POST)


def read_basic(authorization: str) -> PresentedSecret:
    """RFC 7617, with both parts form-encoded as in RFC 6749 §2.3.1. Parts that aren't encoded work too, because our IDs and secrets need no encoding."""
    scheme, _, encoded = authorization.partition(" ")
    if "," in authorization:
        raise InvalidRequestError("The Authorization header is repeated. Send it once.")
    if scheme.lower() != "basic":
        raise InvalidClientError(reasons.METHOD_NOT_SUPPORTED.say())
    try:
        client_id, colon, client_secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        client_id, client_secret = _decode(client_id), _decode(client_secret)
    except ValueError:
        raise InvalidClientError(reasons.MALFORMED_BASIC.say()) from None
    if not colon or not client_id or not client_secret:
        raise InvalidClientError(reasons.INCOMPLETE_BASIC.say(), named_client_id=client_id)
    return PresentedSecret(client_id, client_secret, CLIENT_SECRET_BASIC)


def _decode(text: str) -> str:
    return unquote_plus(text, errors="strict") if "%" in text or "+" in text else text


def authenticate_secret(request: Request, presented: PresentedSecret) -> AuthenticatedClient:
    """Check a secret. An unknown client, an unknown secret and a wrong one cost the same queries and the same digest."""
    parsed = secret.parse(presented.plaintext)
    registration = _find(request, presented, parsed)
    client, found = registration.client, registration.credential
    refuse_blocked(request, registration)
    try:
        unproved = first_refusal(proof_checks(presented, parsed, registration))
    except secret.HashingBusyError:
        raise TemporarilyUnavailableError(reasons.HASHING_BUSY.say()) from None
    reason = unproved or first_refusal(row_checks(request, presented.method, client, found))
    if reason is not None:
        raise InvalidClientError(
            reason,
            client=client,
            named_client_id=presented.client_id or (client.client_id if client else ""),
            secret_id=parsed.secret_id if parsed else "",
            credential_id=found.credential_id if found and client and found.client_pk == client.pk else "",
            is_proved=unproved is None,
        )
    # If there is no client, there is a reason.
    assert client is not None
    assert found is not None
    _record_use(found, presented.plaintext, request)
    return AuthenticatedClient(client, found.credential_id, presented.method, registration.signing_kid)


def _find(request: Request, presented: PresentedSecret, parsed: ParsedSecret | None) -> Registration[RegisteredSecret]:
    keys = failure_keys(name=presented.client_id or "", address=request.connection.remote_address)
    secret_id = parsed.secret_id if parsed else ""
    if presented.client_id is None:
        return find_by_secret_alone(secret_id=secret_id, failure_keys=keys, now=request.now)
    return find_by_secret(client_id=clean_client_id(presented.client_id), secret_id=secret_id, failure_keys=keys, now=request.now)


def proof_checks(presented: PresentedSecret, parsed: ParsedSecret | None, registration: Registration[RegisteredSecret]) -> Checks:
    """Possession of the secret is checked first: the time that a guess takes must not depend on anything else in the rows. Raise HashingBusyError."""
    client, found = registration.client, registration.credential
    reason = None if parsed is None else _find_reason_in_possession(presented.plaintext, found, client)
    if presented.client_id is not None:
        yield Subject.CLIENT, reasons.UNKNOWN_CLIENT.say() if client is None else None
    if parsed is None:
        refusal = reasons.BAD_CHECKSUM if secret.looks_like_secret(presented.plaintext) else reasons.NOT_A_SECRET
        yield Subject.SECRET_FORM, refusal.say()
        return
    yield Subject.SECRET_FORM, None
    yield Subject.SECRET, reason
    if reason is None and found is not None and client is not None:
        yield Subject.OWNER, reasons.OTHER_CLIENTS_SECRET.say() if found.client_pk != client.pk else None


def row_checks(request: Request, method: str, client: RegisteredClient | None, found: RegisteredSecret | None) -> Checks:
    """The checks after the secret is proved. client, found: None if unknown."""
    if found is not None:
        yield Subject.LIFE, _find_reason_in_life(found, request.now)
    if client is not None:
        yield from client_checks(request, method, client)


def _find_reason_in_possession(plaintext: str, found: RegisteredSecret | None, client: RegisteredClient | None) -> Reason | None:
    """client: the one that the request names. Its owner can't find out by guessing which secrets other clients have. Raise HashingBusyError."""
    if found is None:
        secret.imitate_verification(plaintext)
        return reasons.UNKNOWN_SECRET.say()
    if secret.verify_secret(plaintext, hashed=found.hash, digest=found.digest):
        return None
    if client is not None and found.client_pk != client.pk:
        return reasons.UNKNOWN_SECRET.say()
    return reasons.WRONG_SECRET.say(id=found.id)


def _find_reason_in_life(found: RegisteredSecret, now: datetime) -> Reason | None:
    if found.revoked_at is not None:
        return reasons.SECRET_REVOKED.say(id=found.id, at=found.revoked_at)
    if found.expires_at is not None and found.expires_at <= now:
        return reasons.SECRET_EXPIRED.say(id=found.id, at=found.expires_at)
    return None


def _record_use(found: RegisteredSecret, plaintext: str, request: Request) -> None:
    usage.record_use(ClientSecret, pk=found.pk, address=request.connection.remote_address, now=request.now)
    if secret.needs_rehash(found.hash) or secret.needs_digest(found.digest):
        usage.schedule_rehash(secret=found.pk, plaintext=plaintext)
