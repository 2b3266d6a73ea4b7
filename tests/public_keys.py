"""Key pairs for tests, in every form that somebody may submit."""

import base64
import hashlib
import json
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

SPKI = PublicFormat.SubjectPublicKeyInfo


@lru_cache
def private(kind: str = "P-256") -> Any:
    """The key is always the same, because making an RSA key is slow."""
    curves = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1(), "secp256k1": ec.SECP256K1(), "brainpool": ec.BrainpoolP256R1()}
    if kind in curves:
        return ec.generate_private_key(curves[kind])
    match kind.partition("-"):
        case ("Ed25519", _, _):
            return ed25519.Ed25519PrivateKey.generate()
        case ("X25519", _, _):
            return x25519.X25519PrivateKey.generate()
        case ("Ed448", _, _):
            return ed448.Ed448PrivateKey.generate()
        case ("DSA", _, _):
            return dsa.generate_private_key(2048)
        case (_, _, bits):
            return rsa.generate_private_key(65537, int(bits or 2048))


def pem(kind: str = "P-256") -> str:
    """The public key in PEM."""
    return private(kind).public_key().public_bytes(Encoding.PEM, SPKI).decode()


def to_jwk(key: Any) -> dict[str, Any]:
    algorithm: Any = OKPAlgorithm
    if isinstance(key, ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey):
        algorithm = ECAlgorithm
    elif isinstance(key, rsa.RSAPublicKey | rsa.RSAPrivateKey):
        algorithm = RSAAlgorithm
    return {name: value for name, value in json.loads(algorithm.to_jwk(key)).items() if name != "key_ops"}


def jwk(kind: str = "P-256", **changes: Any) -> dict[str, Any]:
    """None leaves a member out."""
    return {name: value for name, value in {**to_jwk(private(kind).public_key()), **changes}.items() if value is not None}


def encode(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def thumbprint(members: dict[str, Any]) -> str:
    """RFC 7638 §3, a second implementation."""
    needed = {"EC": "crv kty x y", "RSA": "e kty n", "OKP": "crv kty x"}[members["kty"]].split()
    text = "{" + ",".join(f'"{name}":"{members[name]}"' for name in needed) + "}"
    return encode(hashlib.sha256(text.encode()).digest())


def private_pem(kind: str, form: PrivateFormat, encryption: Any = None) -> str:
    return private(kind).private_bytes(Encoding.PEM, form, encryption or NoEncryption()).decode()
