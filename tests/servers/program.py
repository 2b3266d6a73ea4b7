"""A program with its own key, which makes signed assertions and DPoP proofs, only with PyJWT and cryptography."""

import base64
import hashlib
import json
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from jwt.algorithms import ECAlgorithm

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass
class Program:
    """private_key, public_key: PEM files, where save() has put them."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    private_key: Path = Path()
    public_key: Path = Path()

    def save(self, directory: Path) -> "Program":
        self.private_key, self.public_key = directory / "private.pem", directory / "public.pem"
        self.private_key.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        self.public_key.write_bytes(self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        return self

    @property
    def jwk(self) -> dict[str, str]:
        return {name: value for name, value in json.loads(ECAlgorithm.to_jwk(self.key.public_key())).items() if name != "key_ops"}

    def assertion(self, client_id: str, audience: str, *, kid: str | None = None, **claims: Any) -> dict[str, str]:
        """The form fields of RFC 7523 §2.2."""
        now = int(time.time())
        claims = {"iss": client_id, "sub": client_id, "aud": audience, "iat": now, "exp": now + 60, "jti": secrets.token_urlsafe(16), **claims}
        signed = jwt.encode(claims, self.key, algorithm="ES256", headers={"kid": kid} if kid else None)
        return {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}

    def proof(self, method: str, url: str, *, token: str | None = None, **claims: Any) -> dict[str, str]:
        """The header field of RFC 9449 §4."""
        claims = {"htm": method, "htu": url, "iat": int(time.time()), "jti": secrets.token_urlsafe(16), **claims}
        if token is not None:
            claims["ath"] = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
        return {"DPoP": jwt.encode(claims, self.key, algorithm="ES256", headers={"typ": "dpop+jwt", "jwk": self.jwk})}
