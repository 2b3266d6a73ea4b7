"""Private keys that somebody hands in by mistake: whose public half is it? Nothing of them is kept or repeated."""

import json
import re
from collections.abc import Iterator
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key, load_ssh_private_key
from django.core.exceptions import ValidationError

from clients.public_key import MAX_KEYS, read_jwk

_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----[^-]*-----END \1-----")
_PUBLIC_MEMBERS = ("kty", "crv", "x", "y", "n", "e")
# Whether an RSA key is sound takes seconds to find out, and its public half is the same whatever it is.
_AS_IT_IS: Any = {"password": None, "unsafe_skip_rsa_key_validation": True}
_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm)


def find_public_halves(content: bytes) -> list[PublicKeyTypes]:
    """Of the private keys in PEM, OpenSSH's form, JWK, JWK Set or DER that can be read without a password. content: of a file, up to 128 KiB."""
    return [*_find_in_pem(content), *_find_in_json(content), *_find_in_der(content)]


def _find_in_pem(content: bytes) -> Iterator[PublicKeyTypes]:
    for match in list(_PEM.finditer(content))[:MAX_KEYS]:
        load = load_ssh_private_key if match[1].startswith(b"OPENSSH") else load_pem_private_key
        try:
            yield load(match[0] + b"\n", **_AS_IT_IS).public_key()
        except _UNREADABLE:
            continue


def _find_in_der(content: bytes) -> Iterator[PublicKeyTypes]:
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
