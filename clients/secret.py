"""The format of a client's secret, and how secrets are stored and checked.

tos_live_Kp4zR1uW9a_<33 random characters><6 characters of checksum>

The ten characters after the environment are the secret ID, so the secret alone finds its row. All characters are base62, so a double click selects the whole
secret, and the 33 random characters have 196 bits. A secret is stored as an argon2id hash and a digest: HMAC-SHA-256 under a key derived from
KEY_ENCRYPTION_KEYS, "<key ID>:<hex>". With that many random bits, the digest is as hard to invert as the hash, and it takes only microseconds.
"""

import hashlib
import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass
from threading import Lock

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from django.conf import settings
from django.utils.asyncio import async_unsafe

from clients.key_encryption import key_encryption_keys, newest_key

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
CLIENT_ID_LENGTH = 22
SECRET_ID_LENGTH = 10
RANDOM_LENGTH = 33
CHECKSUM_LENGTH = 6

_PATTERN = re.compile(rf"tos_(live|test)_([0-9A-Za-z]{{{SECRET_ID_LENGTH}}})_[0-9A-Za-z]{{{RANDOM_LENGTH + CHECKSUM_LENGTH}}}")
_HASHING_WAIT_SECONDS = 0.5
_hashing = Lock()
# Only one of the few answering threads may wait for argon2id. A request that comes meanwhile is refused at once, so that the other threads stay free.
_waiting = Lock()


class HashingBusyError(Exception):
    """Another argon2id verification is running in this process; the caller should try again."""


@dataclass(frozen=True, slots=True)
class ParsedSecret:
    plaintext: str
    environment: str
    secret_id: str


def random_text(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def generate_client_id() -> str:
    return random_text(CLIENT_ID_LENGTH)


def _checksum(body: str) -> str:
    value = zlib.crc32(body.encode("ascii"))
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        value, remainder = divmod(value, len(ALPHABET))
        digits = ALPHABET[remainder] + digits
    return digits


def generate(environment: str) -> ParsedSecret:
    secret_id = random_text(SECRET_ID_LENGTH)
    body = f"tos_{environment}_{secret_id}_{random_text(RANDOM_LENGTH)}"
    return ParsedSecret(body + _checksum(body), environment, secret_id)


def looks_like_secret(text: str) -> bool:
    """Whether the text looks like one of our secrets, complete or not."""
    return text.startswith(("tos_live_", "tos_test_"))


def parse(text: str) -> ParsedSecret | None:
    """The parts of a secret. None if the form or the checksum is wrong: the secret is mistyped, cut off, or not ours."""
    match = _PATTERN.fullmatch(text)
    if match is None or _checksum(text[:-CHECKSUM_LENGTH]) != text[-CHECKSUM_LENGTH:]:
        return None
    return ParsedSecret(text, match[1], match[2])


def _hasher() -> PasswordHasher:
    return PasswordHasher(memory_cost=settings.ARGON2_MEMORY_COST, time_cost=settings.ARGON2_TIME_COST, parallelism=1)


def hash_secret(plaintext: str) -> str:
    """An argon2id hash in PHC string format, with the parameters of the settings."""
    return _hasher().hash(plaintext)


def needs_rehash(hashed: str) -> bool:
    return not hashed.startswith(f"$argon2id$v=19$m={settings.ARGON2_MEMORY_COST},t={settings.ARGON2_TIME_COST},p=1$")


def digest_secret(plaintext: str) -> str:
    """The digest under the newest key."""
    key = newest_key()
    return f"{key.id}:{hmac.digest(key.digest_key, plaintext.encode(), hashlib.sha256).hex()}"


def needs_digest(digest: str) -> bool:
    return digest.partition(":")[0] != newest_key().id


def needs_hashing(digest: str) -> bool:
    """Whether verify_secret needs the argon2id hash."""
    return key_encryption_keys().get(digest.partition(":")[0]) is None


def verify_secret(plaintext: str, *, hashed: str, digest: str) -> bool:
    """Compare the digest in constant time. Use the argon2id hash only if the digest is missing or was made with a key that is no longer in the list.

    Raise HashingBusyError if the hash is needed while another verification runs: one at a time per process, so that a flood can't take every core.
    """
    key_id, _, expected = digest.partition(":")
    key = key_encryption_keys().get(key_id)
    if key is not None:
        return hmac.compare_digest(hmac.digest(key.digest_key, plaintext.encode(), hashlib.sha256).hex(), expected)
    return _verify_hash(plaintext, hashed)


@async_unsafe("argon2id is slow: call it in a thread.")
def _verify_hash(plaintext: str, hashed: str) -> bool:
    has_turn = _hashing.acquire(blocking=False)
    if not has_turn and _waiting.acquire(blocking=False):
        try:
            has_turn = _hashing.acquire(timeout=_HASHING_WAIT_SECONDS)
        finally:
            _waiting.release()
    if not has_turn:
        raise HashingBusyError
    try:
        return _hasher().verify(hashed, plaintext)
    except (VerificationError, InvalidHashError):
        return False
    finally:
        _hashing.release()


def imitate_verification(plaintext: str) -> None:
    """Do the same work as verify_secret, so that an unknown secret ID takes as long as a wrong secret."""
    verify_secret(plaintext, hashed="", digest=f"{newest_key().id}:{'0' * 64}")
