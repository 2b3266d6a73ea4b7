"""The signing keys in this process's memory. The key material under a kid never changes; whether a key may be used is read for each request."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from clients.key_encryption import MissingKeyEncryptionKeyError, decrypt
from clients.public_key import read_jwk
from oauth import jose, reasons
from oauth.errors import TemporarilyUnavailableError
from oauth.models import SigningKey


@dataclass(frozen=True, slots=True)
class LoadedKey:
    """key: private for signing, public for verifying, parsed."""

    kid: str
    algorithm: str
    key: Any


@lru_cache(maxsize=32)
def signing_key(kid: str) -> LoadedKey:
    """Raise MissingKeyEncryptionKeyError, SigningKey.DoesNotExist."""
    row = SigningKey.objects.get(kid=kid)
    return LoadedKey(kid, row.algorithm, jose.load_private_key(decrypt(row.private_key, context=kid)))


@lru_cache(maxsize=32)
def verification_key(kid: str) -> LoadedKey:
    """Raise SigningKey.DoesNotExist."""
    row = SigningKey.objects.get(kid=kid)
    return LoadedKey(kid, row.algorithm, read_jwk(row.public_jwk).key)


def require_signing_key(kid: str | None) -> LoadedKey:
    """Raise TemporarilyUnavailableError if no key signs now or KEY_ENCRYPTION_KEYS can't decrypt it."""
    if kid is None:
        raise TemporarilyUnavailableError(reasons.NO_SIGNING_KEY.say())
    try:
        return signing_key(kid)
    except MissingKeyEncryptionKeyError as error:
        raise TemporarilyUnavailableError(reasons.KEY_ENCRYPTION_KEY_MISSING.in_other_words(str(error)).say()) from error
