"""Finds the public keys of private keys that somebody submits by mistake. The private keys are never stored or repeated."""

import json
import re
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_ssh_private_key
from django.core.exceptions import ValidationError

from clients.der import is_quick_private_key
from clients.public_key import MAX_KEYS, read_jwk

_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----([^-]*)-----END \1-----")
# In OpenSSH's format an RSA key of 8,192 bits takes less than 7 KB, in Base64 10 KB.
_MAX_OPENSSH_LENGTH = 12 * 1024
_PUBLIC_MEMBERS = ("kty", "crv", "x", "y", "n", "e")
# Validating an RSA key takes seconds, and its public key is the same either way.
_AS_IT_IS: Any = {"password": None, "unsafe_skip_rsa_key_validation": True}
_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm)


def find_public_halves(content: bytes) -> list[PublicKeyTypes]:
    """The public keys of all private keys in PEM, OpenSSH's format, JWK, JWK Set or DER that need no password. content: a file's, up to 128 KiB."""
    return [*_find_in_pem(content), *_find_in_json(content), *_find_in_der(content)]


def _find_in_pem(content: bytes) -> Iterator[PublicKeyTypes]:
    for match in list(_PEM.finditer(content))[:MAX_KEYS]:
        yield from _read_openssh(match[0]) if match[1].startswith(b"OPENSSH") else _read_base64(match[2])


def _read_openssh(pem: bytes) -> Iterator[PublicKeyTypes]:
    if len(pem) <= _MAX_OPENSSH_LENGTH:
        try:
            yield load_ssh_private_key(pem + b"\n", **_AS_IT_IS).public_key()
        except _UNREADABLE:
            return


def _read_base64(text: bytes) -> Iterator[PublicKeyTypes]:
    try:
        yield from _find_in_der(b64decode(b"".join(text.split()), validate=True))
    except ValueError:
        return


def _find_in_der(content: bytes) -> Iterator[PublicKeyTypes]:
    if is_quick_private_key(content):
        try:
            yield load_der_private_key(content, **_AS_IT_IS).public_key()
        except _UNREADABLE:
            return


def _find_in_json(content: bytes) -> Iterator[PublicKeyTypes]:
    try:
        value = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return
    jwks: Any = value.get("keys", [value]) if isinstance(value, dict) else []
    for jwk in jwks[:MAX_KEYS] if isinstance(jwks, list) else []:
        if isinstance(jwk, dict):
            try:
                yield read_jwk({name: jwk[name] for name in _PUBLIC_MEMBERS if name in jwk}).key
            except ValidationError:
                continue
