"""A security key and the browser it is plugged into, without either: Web Authentication Level 3 §5.1, with whatever origin the test says."""

import hashlib
import json
import os
from typing import Any

from allauth.mfa.adapter import get_adapter
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.webauthn import Aaguid, AttestationObject, AttestedCredentialData, AuthenticatorData

from dashboard.models import User
from tests.public_keys import encode

_TOUCHED_AND_VERIFIED = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV


class SecurityKey:
    def __init__(self, *, rp_id: str = "testserver", algorithm: int = ES256.ALGORITHM, counter: int = 0) -> None:
        """counter: its value at registration (§6.1.1). Passkeys that are synced between devices keep it at 0."""
        self.counter = counter
        # Beside those that say that somebody touched it and was recognised.
        self.flags = AuthenticatorData.FLAG(0)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._id = os.urandom(16)
        self._algorithm = algorithm
        self._rp = hashlib.sha256(rp_id.encode()).digest()

    def register(self, challenge: str, **client_data: Any) -> dict[str, Any]:
        """RegistrationResponseJSON."""
        public_key = {**ES256.from_cryptography_key(self._key.public_key()), 3: self._algorithm}
        credential = AttestedCredentialData.create(Aaguid(bytes(16)), self._id, public_key)
        data = AuthenticatorData.create(self._rp, _TOUCHED_AND_VERIFIED | AuthenticatorData.FLAG.AT | self.flags, self.counter, credential)
        seen = _client_data("webauthn.create", challenge, client_data)
        return self._answer({"clientDataJSON": encode(seen), "attestationObject": encode(bytes(AttestationObject.create("none", data, {})))})

    def answer(self, challenge: str, *, user: User, **client_data: Any) -> dict[str, Any]:
        """AuthenticationResponseJSON. user: whose handle the key keeps."""
        data = AuthenticatorData.create(self._rp, _TOUCHED_AND_VERIFIED | self.flags, self.counter)
        seen = _client_data("webauthn.get", challenge, client_data)
        signature = self._key.sign(bytes(data) + hashlib.sha256(seen).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": encode(seen),
            "authenticatorData": encode(bytes(data)),
            "signature": encode(signature),
            "userHandle": encode(get_adapter().get_public_key_credential_user_entity(user)["id"]),
        }
        return self._answer(response)

    def _answer(self, response: dict[str, str]) -> dict[str, Any]:
        return {"id": encode(self._id), "rawId": encode(self._id), "type": "public-key", "response": response, "clientExtensionResults": {}}


def _client_data(kind: str, challenge: str, more: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "challenge": challenge, "origin": "https://testserver", "crossOrigin": False, **more}).encode()
