"""DPoP proofs, valid and invalid."""

import hashlib
import json
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from functools import lru_cache
from secrets import token_urlsafe
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

ISSUER = "https://localhost:8443"
TOKEN_ENDPOINT = f"{ISSUER}/oauth2/token"
# RFC 9864 §2.2: a name that PyJWT doesn't know.
SAME = {"Ed25519": "EdDSA"}


def base64url(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def encode(value: Any) -> str:
    return base64url(json.dumps(value).encode())


@dataclass(frozen=True)
class Key:
    """A client's key pair, which signs proofs. jwk, private_jwk: as in a header."""

    private: Any
    algorithm: str

    @property
    def jwk(self) -> dict[str, Any]:
        return _to_jwk(self.private.public_key())

    @property
    def private_jwk(self) -> dict[str, Any]:
        return _to_jwk(self.private)

    @property
    def jkt(self) -> str:
        """RFC 7638 §3."""
        members = {name: self.jwk[name] for name in ("crv", "e", "kty", "n", "x", "y") if name in self.jwk}
        return base64url(hashlib.sha256(json.dumps(members, separators=(",", ":"), sort_keys=True).encode()).digest())

    def header(self, **changes: Any) -> dict[str, Any]:
        return without_none({"typ": "dpop+jwt", "alg": self.algorithm, "jwk": self.jwk, **changes})

    def sign(self, header: str, payload: str) -> str:
        """Sign any two segments."""
        signing_input = f"{header}.{payload}"
        return f"{signing_input}.{base64url(jwt.get_algorithm_by_name(SAME.get(self.algorithm, self.algorithm)).sign(signing_input.encode(), self.private))}"

    def proof(self, method: str = "POST", url: str = TOKEN_ENDPOINT, *, token: str | None = None, header: dict[str, Any] | None = None, **changes: Any) -> str:
        """A valid proof, except for changes to its claims and header. None omits a member."""
        return self.sign(encode(self.header(**(header or {}))), encode(claims(method, url, token=token, **changes)))

    def sent(self, *arguments: Any, **options: Any) -> dict[str, str]:
        return {"DPoP": self.proof(*arguments, **options)}


def claims(method: str = "POST", url: str = TOKEN_ENDPOINT, *, token: str | None = None, **changes: Any) -> dict[str, Any]:
    hashed = None if token is None else base64url(hashlib.sha256(token.encode()).digest())
    return without_none({"jti": token_urlsafe(16), "htm": method, "htu": url, "iat": int(time.time()), "ath": hashed, **changes})


def without_none(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _to_jwk(key: Any) -> dict[str, Any]:
    algorithm: Any = OKPAlgorithm
    if isinstance(key, ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey):
        algorithm = ECAlgorithm
    elif isinstance(key, rsa.RSAPublicKey | rsa.RSAPrivateKey):
        algorithm = RSAAlgorithm
    return {name: value for name, value in json.loads(algorithm.to_jwk(key)).items() if name != "key_ops"}


@lru_cache
def key(algorithm: str = "ES256", *, rsa_bits: int = 2048, curve: ec.EllipticCurve | None = None) -> Key:
    """The same key each time, because making an RSA key is slow."""
    return new_key(algorithm, rsa_bits=rsa_bits, curve=curve)


def new_key(algorithm: str = "ES256", *, rsa_bits: int = 2048, curve: ec.EllipticCurve | None = None) -> Key:
    curves = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
    if algorithm in curves:
        return Key(ec.generate_private_key(curve or curves[algorithm]), algorithm)
    if algorithm in ("EdDSA", "Ed25519"):
        return Key(ed25519.Ed25519PrivateKey.generate(), algorithm)
    return Key(rsa.generate_private_key(65537, rsa_bits), algorithm)


def now(seconds: float = 0) -> int:
    return int(time.time() + seconds)
