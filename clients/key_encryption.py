"""The keys of KEY_ENCRYPTION_KEYS, and the keys derived from them: they encrypt stored private keys and digest secrets.

The first key in the list encrypts and digests; every key in the list can still decrypt and compare, so the list can be rotated.
"""

from dataclasses import dataclass
from functools import lru_cache
from secrets import token_bytes

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_NONCE_BYTES = 12


class MissingKeyEncryptionKeyError(Exception):
    """No key in KEY_ENCRYPTION_KEYS can decrypt the stored value."""


@dataclass(frozen=True, slots=True)
class KeyEncryptionKey:
    """id: public, 8 hex digits derived from the key, so that a ciphertext or digest can name the key that it needs."""

    id: str
    digest_key: bytes
    cipher: AESGCM


def _derive(key: str, purpose: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=b"tokenos " + purpose).derive(key.encode())


@lru_cache(maxsize=8)
def _load(keys: tuple[str, ...]) -> dict[str, KeyEncryptionKey]:
    loaded = (
        KeyEncryptionKey(id=_derive(key, b"key id", 4).hex(), digest_key=_derive(key, b"secret digest", 32), cipher=AESGCM(_derive(key, b"private key", 32)))
        for key in keys
    )
    return {key.id: key for key in loaded}


def key_encryption_keys() -> dict[str, KeyEncryptionKey]:
    """The keys by ID, newest first."""
    return _load(tuple(settings.KEY_ENCRYPTION_KEYS))


def newest_key() -> KeyEncryptionKey:
    return next(iter(key_encryption_keys().values()))


def encrypt(plaintext: bytes, *, context: str) -> str:
    """AES-256-GCM under the newest key, as "<key id>:<hex of nonce and ciphertext>". Decrypting needs the same context, for example the row's ID."""
    key = newest_key()
    nonce = token_bytes(_NONCE_BYTES)
    return f"{key.id}:{(nonce + key.cipher.encrypt(nonce, plaintext, context.encode())).hex()}"


def decrypt(encrypted: str, *, context: str) -> bytes:
    """Raise MissingKeyEncryptionKeyError, which names the missing key's ID, if no key in the list can decrypt it."""
    key_id, _, sealed = encrypted.partition(":")
    key = key_encryption_keys().get(key_id)
    if key is None:
        known = ", ".join(key_encryption_keys())
        raise MissingKeyEncryptionKeyError(
            f"KEY_ENCRYPTION_KEYS lacks the key with ID {key_id}. It contains, in this order: {known}. "
            "If .env already contains the missing key, restart. Otherwise, copy it from an older backup of .env to the end of the list."
        )
    try:
        data = bytes.fromhex(sealed)
        return key.cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], context.encode())
    except (InvalidTag, ValueError):
        raise MissingKeyEncryptionKeyError(f"Data that was encrypted with the key with ID {key_id} has been altered. Restore it from a backup.") from None
