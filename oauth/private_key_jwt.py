"""Client authentication with a signed JWT: RFC 7521 §4.2, RFC 7523 §2.2 and §3.

Only the keys and algorithms that the client registered are accepted; the assertion's header only says which of them to try. An unknown client costs the same
work as a wrong signature. The order of the checks: form, header, signature, claims, key, client, and last whether the jti is new, so that only valid
assertions are remembered, and a refused one may be sent again.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from secrets import randbits
from typing import Any, NamedTuple, Self

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from django.conf import settings

from clients.foreign_text import shown
from clients.models import Client, ClientPublicKey
from clients.public_key import ParsedPublicKey, PublicKey, fits, is_kid, load_public_key, name_in_keys
from clients.services import usage
from oauth import jose, jwks_uri, reasons, replay
from oauth.authenticated_client import AuthenticatedClient, clean_client_id, client_checks
from oauth.checks import Checks, Subject, first_refusal
from oauth.client_assertion import ASSERTION_TYPE, earliest_use, find_reason_in_claims, find_reason_in_header, latest_use
from oauth.errors import InvalidClientError, InvalidRequestError
from oauth.form import Form
from oauth.jose import InvalidJWTError, ParsedJWT
from oauth.lookup import find_by_key, find_ended_thumbprints, find_usable_keys
from oauth.messages import Request
from oauth.reasons import Reason
from oauth.registration import RegisteredClient, RegisteredKey, Registration
from oauth.throttling import FailureKeys, failure_keys, refuse_blocked

PRIVATE_KEY_JWT = Client.AuthMethod.PRIVATE_KEY_JWT.value
# The number of keys that are tried for an assertion that names none, and the number that a slow key counts as: P-256, Ed25519 and RSA of up to 4,096 bits
# verify a signature in 0.1 ms, other keys in 0.3 to 0.6 ms.
MAX_TRIED_KEYS, _WEIGHT = 10, 3
_QUICK_RSA_BITS, _QUICK_EC_BITS = 4096, 256


class ClientKey(NamedTuple):
    """A key that may have signed the assertion. row: None for a key that the client publishes. algorithm: as in clients.public_key."""

    key: PublicKey
    algorithm: str
    credential_id: str
    row: RegisteredKey | None

    @classmethod
    def registered(cls, row: RegisteredKey) -> Self:
        return cls(load_public_key(row.public_jwk), row.algorithm, row.credential_id, row)

    @classmethod
    def published(cls, client: RegisteredClient, key: ParsedPublicKey) -> Self:
        return cls(key.key, key.algorithm, f"{client.jwks_uri_credential}:{key.thumbprint}", None)


class _Keys(NamedTuple):
    """keys: the keys to try, of any algorithm. problem: why the client's jwks_uri gave none; None if it wasn't fetched or the request succeeded."""

    keys: Sequence[ClientKey]
    problem: Reason | None


def authenticate(request: Request, form: Form) -> AuthenticatedClient:
    """Raise InvalidClientError, InvalidRequestError, TooManyFailuresError, TemporarilyUnavailableError."""
    assertion = read_assertion(form)
    client_id = assertion.unverified_claims["sub"]
    registration = find_registration(assertion, failure_keys(name=client_id, address=request.connection.remote_address), request.now)
    client = registration.client
    refuse_blocked(request, registration)
    signer = find_signer(assertion, registration, request.now)
    unproved = first_refusal(proof_checks(client, signer))
    if unproved is not None:
        raise InvalidClientError(
            unproved,
            client=client,
            named_client_id=client_id,
            credential_id=registration.credential.credential_id if registration.credential and client else "",
        )
    # If a key was proved, there is a client.
    assert client is not None
    assert not isinstance(signer, Reason)
    reason = first_refusal(statement_checks(request, assertion, client, signer, is_used=lambda: not _use(request, assertion)))
    if reason is not None:
        raise InvalidClientError(reason, client=client, named_client_id=client_id, credential_id=signer.credential_id, is_proved=True)
    if signer.row is not None:
        usage.record_use(ClientPublicKey, pk=signer.row.pk, address=request.connection.remote_address, now=request.now)
    return AuthenticatedClient(client, signer.credential_id, PRIVATE_KEY_JWT, registration.signing_kid)


def read_assertion(form: Form) -> ParsedJWT:
    """The assertion, with an allowed header and a string as sub. Nothing in it is verified yet."""
    text, assertion_type = form.require("client_assertion"), form.require("client_assertion_type")
    named = form.get("client_id")
    if assertion_type != ASSERTION_TYPE:
        raise InvalidClientError(reasons.ASSERTION_TYPE_NOT_SUPPORTED.say(supported=ASSERTION_TYPE), named_client_id=named or "")
    try:
        assertion = jose.parse(text)
    except InvalidJWTError as error:
        raise InvalidClientError(reasons.ASSERTION_MALFORMED.say(problem=error), named_client_id=named or "") from None
    client_id = assertion.unverified_claims.get("sub")
    if not isinstance(client_id, str):
        raise InvalidClientError(reasons.ASSERTION_WITHOUT_SUB.say(), named_client_id=named or "")
    if named is not None and named != client_id:
        # RFC 7521 §4.2: client_id is optional, but must be the same.
        raise InvalidRequestError("client_id differs from the sub of the client assertion. Send the same, or leave it out.", named_client_id=named)
    reason = find_reason_in_header(assertion.unverified_header)
    if reason is not None:
        raise InvalidClientError(reason, named_client_id=client_id)
    return assertion


def find_registration(assertion: ParsedJWT, keys: FailureKeys, now: datetime) -> Registration[RegisteredKey]:
    """keys: those under which the caller's failures are counted."""
    kid = assertion.unverified_header.get("kid", "")
    return find_by_key(client_id=clean_client_id(assertion.unverified_claims["sub"]), kid=kid if is_kid(kid) else "", failure_keys=keys, now=now)


def find_signer(assertion: ParsedJWT, registration: Registration[RegisteredKey], now: datetime) -> ClientKey | Reason:
    """The client's key that made the signature, or why there is none."""
    kid, algorithm = assertion.unverified_header.get("kid", ""), assertion.unverified_header["alg"]
    found = _find_keys(registration, kid, algorithm, now)
    return _find_signer(assertion, algorithm, found.keys) or _find_reason_in_keys(kid, algorithm, found)


def _find_keys(registration: Registration[RegisteredKey], kid: str, algorithm: str, now: datetime) -> _Keys:
    """The matching keys that the client registered; if there are none, those that it publishes."""
    client = registration.client
    if registration.credential is not None:
        return _Keys([ClientKey.registered(registration.credential)], None)
    if client is None:
        return _Keys([], None)
    rows = [] if kid else find_usable_keys(client_pk=client.pk, algorithm=name_in_keys(algorithm), limit=MAX_TRIED_KEYS + 1, now=now)
    registered = [ClientKey.registered(row) for row in rows]
    if not client.jwks_uri:
        return _Keys(registered, None)
    published = jwks_uri.find_keys(client, kid=kid, algorithm=algorithm, now=now)
    # A key that was revoked here or has expired stays so, even if it is published elsewhere or under another kid.
    ended = find_ended_thumbprints(client_pk=client.pk, now=now)
    keys = [ClientKey.published(client, key) for key in published.keys if key.thumbprint not in ended]
    return _Keys([*registered, *keys][: MAX_TRIED_KEYS + 1], published.problem)


def _find_signer(assertion: ParsedJWT, algorithm: str, keys: Sequence[ClientKey]) -> ClientKey | None:
    """The key that made the signature. If no key has that algorithm, a decoy is tried so that the work is the same."""
    tried = _choose(keys, algorithm)
    for key in tried:
        if _is_signed_by(assertion, key.key, algorithm):
            return key
    if not tried:
        _is_signed_by(assertion, _decoy(algorithm), algorithm)
    return None


def _choose(keys: Sequence[ClientKey], algorithm: str) -> list[ClientKey]:
    """The first matching keys, at most as many as may be tried."""
    tried: list[ClientKey] = []
    left = MAX_TRIED_KEYS
    for key in keys:
        if fits(algorithm, key.algorithm):
            left -= _WEIGHT if _takes_long(key.key) else 1
            if left < 0:
                break
            tried.append(key)
    return tried


def _takes_long(key: PublicKey) -> bool:
    if isinstance(key, ed25519.Ed25519PublicKey):
        return False
    return key.key_size > (_QUICK_RSA_BITS if isinstance(key, rsa.RSAPublicKey) else _QUICK_EC_BITS)


def _is_signed_by(assertion: ParsedJWT, key: Any, algorithm: str) -> bool:
    try:
        jose.verify_signature(assertion, key=key, algorithm=algorithm)
    except InvalidJWTError:
        return False
    return True


@lru_cache(maxsize=16)
def _decoy(algorithm: str) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey:
    """A public key for that algorithm without a private key."""
    match algorithm:
        case "ES256" | "ES384" | "ES512":
            curve = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}[algorithm]
            return ec.generate_private_key(curve).public_key()
        case "EdDSA" | "Ed25519":
            return ed25519.Ed25519PrivateKey.generate().public_key()
    # The modulus isn't a product of two primes: making one takes a long time, and verifying works without it.
    return rsa.RSAPublicNumbers(65537, randbits(2048) | 1 << 2047 | 1).public_key()


def _find_reason_in_keys(kid: str, algorithm: str, found: _Keys) -> Reason:
    if found.problem is not None:
        return found.problem
    if not found.keys:
        if kid:
            return reasons.UNKNOWN_KEY.say(kid=shown(kid))
        return reasons.NO_KEY_FOR_ALGORITHM.say(algorithm=algorithm)
    fitting = sum(fits(algorithm, key.algorithm) for key in found.keys)
    if not fitting:
        return reasons.ALGORITHM_NOT_OF_KEY.say(algorithm=algorithm, kid=kid, allowed=found.keys[0].algorithm or "RSA")
    if fitting > len(_choose(found.keys, algorithm)):
        return reasons.TOO_MANY_KEYS.say()
    return reasons.WRONG_SIGNATURE.say(key=f"public key {kid}" if kid else "any of the client's public keys")


def proof_checks(client: RegisteredClient | None, signer: ClientKey | Reason) -> Checks:
    """The checks of a key's possession, which come first."""
    yield Subject.CLIENT, reasons.UNKNOWN_CLIENT.say() if client is None else None
    if client is not None:
        yield Subject.SIGNATURE, signer if isinstance(signer, Reason) else None


def statement_checks(request: Request, assertion: ParsedJWT, client: RegisteredClient, signer: ClientKey | Reason, *, is_used: Callable[[], bool]) -> Checks:
    """The checks after the signature. is_used: called last, and only if all claims are right."""
    token_endpoint = f"{settings.ISSUER_URL}/oauth2/token"
    flaw = find_reason_in_claims(assertion.unverified_claims, issuer=settings.ISSUER_URL, token_endpoint=token_endpoint, now=request.now)
    yield Subject.CLAIMS, flaw
    if not isinstance(signer, Reason):
        yield Subject.LIFE, _find_reason_in_life(signer, request.now)
    yield from client_checks(request, PRIVATE_KEY_JWT, client)
    if flaw is None:
        yield Subject.FIRST_USE, reasons.ASSERTION_REPLAYED.say() if is_used() else None


def _find_reason_in_life(signer: ClientKey, now: datetime) -> Reason | None:
    key = signer.row
    if key is None:
        return None
    if key.revoked_at is not None:
        return reasons.KEY_REVOKED.say(kid=key.id, at=key.revoked_at)
    if key.expires_at is not None and key.expires_at <= now:
        return reasons.KEY_EXPIRED.say(kid=key.id, at=key.expires_at)
    return None


def is_used(assertion: ParsedJWT, now: datetime) -> bool:
    """Whether an assertion with valid claims would be refused as used."""
    claims = assertion.unverified_claims
    return replay.is_used("assertion", claims["sub"], claims["jti"], issued_at=earliest_use(claims), expires_at=latest_use(claims), now=now)


def _use(request: Request, assertion: ParsedJWT) -> bool:
    """Whether this is the first use, RFC 7523 §3 (7)."""
    claims = assertion.unverified_claims
    return replay.use_once(request, "assertion", claims["sub"], claims["jti"], issued_at=earliest_use(claims), expires_at=latest_use(claims))
